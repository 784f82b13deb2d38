//! What a vendor's refusal means: the failure taxonomies of WhatsApp and Telegram as data.

use super::reason::{FailReason, PauseReason};
use super::schedule::Schedule;

/// What is done about a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Tried again by a schedule.
    RetryLater(Schedule),
    /// The number or the account is too fast: all of it slows down, this message goes again.
    SlowNumber,
    /// Too many to one recipient: theirs wait, others go on.
    PauseRecipient,
    /// Nothing of this merchant can go out until somebody acts.
    PauseMerchant(PauseReason),
    /// Nothing with this template can go out until Meta or the operator has acted.
    HoldTemplate,
    /// This message cannot be sent, and trying again changes nothing.
    FailOnce(FailReason),
    /// The chat takes no messages until the customer writes again.
    Unreachable,
    /// The whole bot waits so many seconds.
    RetryAfter(u32),
    /// Nobody knows whether it was taken.
    Unknown,
}

/// A refusal with what it means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The vendor's own code, or its HTTP status where it gave none.
    pub code: u32,
    /// What is done.
    pub verdict: Verdict,
}

struct Row {
    codes: &'static [(u32, u32)],
    verdict: Verdict,
}

const fn row(codes: &'static [(u32, u32)], verdict: Verdict) -> Row {
    Row { codes, verdict }
}

/// <https://developers.facebook.com/documentation/business-messaging/whatsapp/support/error-codes>
const WHATSAPP: &[Row] = {
    use FailReason as F;
    use PauseReason as P;
    use Verdict::{FailOnce, HoldTemplate, PauseMerchant, PauseRecipient, RetryLater, SlowNumber};
    &[
        row(&[(0, 0), (190, 190)], PauseMerchant(P::Token)),
        row(
            &[(3, 3), (10, 10), (200, 299), (131_005, 131_005)],
            PauseMerchant(P::Permission),
        ),
        row(
            &[(368, 368), (130_497, 130_497), (131_031, 131_031)],
            PauseMerchant(P::AccountRestricted),
        ),
        row(&[(131_048, 131_048)], PauseMerchant(P::NumberRestricted)),
        row(&[(131_064, 131_064)], PauseMerchant(P::TemplateMisuse)),
        row(&[(131_042, 131_042)], PauseMerchant(P::VendorPayment)),
        row(
            &[
                (33, 33),
                (131_045, 131_045),
                (133_010, 133_010),
                (133_000, 133_000),
                (133_005, 133_006),
                (133_008, 133_009),
                (133_015, 133_016),
            ],
            PauseMerchant(P::NumberNotRegistered),
        ),
        row(
            &[(132_000, 132_000), (132_012, 132_012)],
            PauseMerchant(P::TemplateMismatch),
        ),
        row(
            &[(132_001, 132_001), (132_007, 132_007), (132_015, 132_016)],
            HoldTemplate,
        ),
        row(
            &[
                (2, 2),
                (131_000, 131_000),
                (131_016, 131_016),
                (133_004, 133_004),
            ],
            RetryLater(Schedule::Server),
        ),
        // A server's failure or a bad request, Meta does not say which: a few tries tell.
        row(&[(1, 1)], RetryLater(Schedule::Doubtful)),
        row(&[(131_057, 131_057)], RetryLater(Schedule::Maintenance)),
        row(&[(4, 4), (80_007, 80_007), (130_429, 130_429)], SlowNumber),
        row(&[(131_056, 131_056)], PauseRecipient),
        row(&[(131_026, 131_026)], FailOnce(F::NotOnWhatsApp)),
        row(&[(131_047, 131_047)], FailOnce(F::WindowClosed)),
        row(&[(131_049, 131_050)], FailOnce(F::MarketingRefused)),
        row(&[(130_472, 130_472)], FailOnce(F::Experiment)),
        row(&[(130_403, 130_403)], FailOnce(F::BlockedByShop)),
        row(&[(131_021, 131_021)], FailOnce(F::OwnNumber)),
        row(&[(137_000, 137_000)], FailOnce(F::NumberChangedHands)),
        row(
            &[(132_005, 132_005), (132_018, 132_018)],
            FailOnce(F::TextRefused),
        ),
        row(
            &[
                (100, 100),
                (131_008, 131_009),
                (132_068, 132_069),
                (135_000, 135_000),
            ],
            FailOnce(F::OurMistake),
        ),
    ]
};

/// What WhatsApp's refusal means. `code` is `error.code` of the body, or `errors[].code` of a
/// receipt, which comes with status 200. Codes that did not exist when this was written are
/// judged by the HTTP status.
#[must_use]
pub fn whatsapp(code: Option<u32>, http_status: u16) -> Refusal {
    let known = code.and_then(|code| {
        let names = |row: &&Row| {
            row.codes
                .iter()
                .any(|(from, to)| (*from..=*to).contains(&code))
        };
        WHATSAPP.iter().find(names).map(|row| row.verdict)
    });
    Refusal {
        code: code.unwrap_or(u32::from(http_status)),
        verdict: known.unwrap_or_else(|| by_status(http_status, PauseReason::Token)),
    }
}

/// What Telegram's refusal means (<https://core.telegram.org/bots/api#making-requests>):
/// `error_code`, `parameters.retry_after` in seconds, and the description, which is free text and
/// only looked at where the code does not tell.
#[must_use]
pub fn telegram(error_code: u16, retry_after: Option<u32>, description: &str) -> Refusal {
    let said = description.to_ascii_lowercase();
    let gone = [
        "chat not found",
        "user is deactivated",
        "upgraded to a supergroup",
    ];
    let verdict = match (error_code, retry_after) {
        (_, Some(seconds)) => Verdict::RetryAfter(seconds.max(1)),
        (429, None) => Verdict::RetryAfter(UNSAID_RETRY_AFTER),
        (403, None) => Verdict::Unreachable,
        (400, None) if gone.iter().any(|gone| said.contains(gone)) => Verdict::Unreachable,
        (404, None) => Verdict::PauseMerchant(PauseReason::BotToken),
        (status, None) => by_status(status, PauseReason::BotToken),
    };
    Refusal {
        code: u32::from(error_code),
        verdict,
    }
}

/// Seconds that a bot waits when Telegram does not say how long.
const UNSAID_RETRY_AFTER: u32 = 30;

fn by_status(status: u16, unauthorized: PauseReason) -> Verdict {
    match status {
        401 => Verdict::PauseMerchant(unauthorized),
        429 => Verdict::SlowNumber,
        // A gateway gave up waiting for the one behind it, which may have taken the message.
        408 | 504 => Verdict::Unknown,
        500..=599 => Verdict::RetryLater(Schedule::Server),
        _ => Verdict::FailOnce(FailReason::OurMistake),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use FailReason as F;
    use PauseReason as P;
    use Verdict as V;

    #[test]
    fn each_code_of_whatsapp_means_one_thing() {
        for row in WHATSAPP {
            for (from, to) in row.codes {
                assert!(from <= to);
                for code in [*from, *to] {
                    assert_eq!(whatsapp(Some(code), 400).verdict, row.verdict, "{code}");
                    let rows = WHATSAPP.iter().filter(|row| {
                        row.codes
                            .iter()
                            .any(|(from, to)| (*from..=*to).contains(&code))
                    });
                    assert_eq!(rows.count(), 1, "{code} stands in two rows");
                }
            }
        }
    }

    #[test]
    fn codes_that_the_design_names() {
        for (code, verdict) in [
            (130_429, V::SlowNumber),
            (131_056, V::PauseRecipient),
            (131_057, V::RetryLater(Schedule::Maintenance)),
            (190, V::PauseMerchant(P::Token)),
            (250, V::PauseMerchant(P::Permission)),
            (131_042, V::PauseMerchant(P::VendorPayment)),
            (132_000, V::PauseMerchant(P::TemplateMismatch)),
            (132_001, V::HoldTemplate),
            (132_015, V::HoldTemplate),
            (131_026, V::FailOnce(F::NotOnWhatsApp)),
            (131_009, V::FailOnce(F::OurMistake)),
        ] {
            assert_eq!(whatsapp(Some(code), 400).verdict, verdict, "{code}");
            assert_eq!(
                whatsapp(Some(code), 500).verdict,
                verdict,
                "the code, not the status"
            );
        }
    }

    #[test]
    fn codes_never_seen_are_judged_by_the_status() {
        for (status, verdict) in [
            (401, V::PauseMerchant(P::Token)),
            (429, V::SlowNumber),
            (500, V::RetryLater(Schedule::Server)),
            (503, V::RetryLater(Schedule::Server)),
            (504, V::Unknown),
            (400, V::FailOnce(F::OurMistake)),
            (200, V::FailOnce(F::OurMistake)),
        ] {
            assert_eq!(whatsapp(Some(999_999), status).verdict, verdict, "{status}");
            assert_eq!(whatsapp(None, status).code, u32::from(status));
        }
    }

    #[test]
    fn e7_telegram_says_who_cannot_be_reached_and_who_must_wait() {
        for (code, after, said, verdict) in [
            (
                403,
                None,
                "Forbidden: bot was blocked by the user",
                V::Unreachable,
            ),
            (403, None, "Forbidden: something new", V::Unreachable),
            (400, None, "Bad Request: chat not found", V::Unreachable),
            (400, None, "Bad Request: CHAT NOT FOUND", V::Unreachable),
            (
                400,
                None,
                "Bad Request: message is too long",
                V::FailOnce(F::OurMistake),
            ),
            (401, None, "Unauthorized", V::PauseMerchant(P::BotToken)),
            (404, None, "Not Found", V::PauseMerchant(P::BotToken)),
            (
                429,
                Some(35),
                "Too Many Requests: retry after 35",
                V::RetryAfter(35),
            ),
            (429, None, "Too Many Requests", V::RetryAfter(30)),
            (429, Some(0), "Too Many Requests", V::RetryAfter(1)),
            (502, None, "Bad Gateway", V::RetryLater(Schedule::Server)),
            (504, None, "Gateway Timeout", V::Unknown),
        ] {
            assert_eq!(
                telegram(code, after, said).verdict,
                verdict,
                "{code} {said}"
            );
        }
    }
}
