//! What a verdict about a payment comes to for what is paid for, and for people.

use jiff::Timestamp;
use pesan_adapters::dynamodb::{Charge, PaidFor, SubjectMove, TaskKind};
use pesan_domain::money::Rupiah;
use pesan_domain::payment::{Alarm, Effect, Notice, Payment, PaymentState, Verdict};

use super::bill::WentBack;
use super::case::Case;
use super::{bill, booking, top_up};

/// What a verdict comes to.
pub(super) struct Decided {
    pub payment: Option<Payment>,
    pub subject: SubjectMove,
    pub tasks: Vec<TaskKind>,
    pub notice: Option<Notice>,
    /// The names of alarms.
    pub alarms: Vec<&'static str>,
}

impl Decided {
    pub fn of(case: &Case<'_>, verdict: Verdict, settled_at: Timestamp) -> Self {
        let mut decided = Self {
            payment: verdict.payment,
            subject: SubjectMove::Stays,
            tasks: vec![],
            notice: None,
            alarms: vec![],
        };
        for effect in verdict.effects {
            match effect {
                Effect::ConfirmSubject => decided.confirm(case, settled_at),
                Effect::FreezeHold { until } => match &case.charge.paid_for {
                    PaidFor::Booking(reservation) => {
                        decided.subject = booking::freeze(reservation, until);
                    }
                    // Nothing is held for it.
                    PaidFor::TopUp(_) | PaidFor::Bill(_) => {}
                },
                Effect::Notify(notice) => match &case.charge.paid_for {
                    PaidFor::Booking(_) | PaidFor::Bill(_) => {
                        decided.notice = decided.notice.or(Some(notice))
                    }
                    // Its owner is told by an event.
                    PaidFor::TopUp(_) => {}
                },
                Effect::Alarm(alarm) => decided.alarm(case, alarm),
                Effect::RefundTask(_) => decided.tasks.push(TaskKind::Refund),
            }
        }
        decided.take_back(case);
        decided.tell_bill(case);
        decided
    }

    /// The bill knows of money for it that somebody must look at.
    fn tell_bill(&mut self, case: &Case<'_>) {
        if let PaidFor::Bill(billed) = &case.charge.paid_for {
            let payment = self.payment.as_ref().unwrap_or(&case.charge.payment);
            if let Some(moved) = bill::review(billed, &self.subject, payment, case.now) {
                self.subject = moved;
            }
        }
    }

    fn confirm(&mut self, case: &Case<'_>, settled_at: Timestamp) {
        let payment = self.payment.as_ref().unwrap_or(&case.charge.payment);
        let taken = match &case.charge.paid_for {
            PaidFor::Booking(reservation) => booking::confirm(
                case.merchant,
                reservation,
                &payment.order_id,
                settled_at,
                case.now,
            ),
            PaidFor::TopUp(top_up) => top_up::credit(top_up, payment, case.now),
            PaidFor::Bill(billed) => bill::pay(billed, payment, settled_at),
        };
        let Some(moved) = taken else {
            return self.review(case);
        };
        self.subject = moved;
    }

    /// Money of a top-up or of a bill may have gone back.
    fn take_back(&mut self, case: &Case<'_>) {
        let Some(payment) = &self.payment else {
            return;
        };
        match &case.charge.paid_for {
            // A reservation stays as it is: the desk is told.
            PaidFor::Booking(_) => {}
            PaidFor::TopUp(top_up) => {
                let taken = top_up::take_back(top_up, payment, case.now);
                let Some((moved, missing)) = taken else {
                    return;
                };
                self.subject = moved;
                if missing > Rupiah::ZERO {
                    self.tasks.push(TaskKind::Owed);
                    self.alarms.push("top-up spent");
                }
            }
            PaidFor::Bill(billed) => {
                let before = &case.charge.payment;
                match bill::take_back(billed, &self.subject, before, payment, case) {
                    WentBack::Nothing => {}
                    WentBack::Taken { moved, twice } => {
                        self.subject = moved;
                        if twice {
                            self.tasks.push(TaskKind::Owed);
                            self.alarms.push("given back twice");
                        }
                    }
                    WentBack::Unrecorded => {
                        self.tasks.push(TaskKind::Owed);
                        self.alarms.push("refund not recorded");
                    }
                }
            }
        }
    }

    fn alarm(&mut self, case: &Case<'_>, alarm: Alarm) {
        match alarm {
            Alarm::Reversed | Alarm::ChargedBack | Alarm::CaptureCancelled => {
                match &case.charge.paid_for {
                    PaidFor::Booking(_) => self.tasks.push(TaskKind::Reversed),
                    // It is taken back by itself, and what is missing is a task of its own.
                    PaidFor::TopUp(_) => {}
                    // The bill asks for it again.
                    PaidFor::Bill(_) => {}
                }
            }
            Alarm::WrongAmount => self.tasks.push(TaskKind::Review),
            Alarm::PaidTwice | Alarm::RefundedTooMuch => {}
        }
        self.alarms.push(alarm_name(alarm));
    }

    /// The subject cannot be taken: a person decides what becomes of the money.
    fn review(&mut self, case: &Case<'_>) {
        self.subject = SubjectMove::Stays;
        match &case.charge.paid_for {
            PaidFor::Booking(_) => {}
            // Nobody else would notice.
            PaidFor::TopUp(_) => self.alarms.push("top-up not credited"),
            // Who has paid twice is not at the desk to say so.
            PaidFor::Bill(_) => self.alarms.push("bill takes no money"),
        }
        let Some(payment) = &mut self.payment else {
            return;
        };
        match payment.state {
            PaymentState::Paid => {
                payment.state = PaymentState::Review;
                self.tasks.push(TaskKind::Review);
                self.notice = Some(Notice::Review);
            }
            // The rest of the money is nobody's yet.
            PaymentState::PartlyRefunded => self.tasks.push(TaskKind::Review),
            // Nothing came, it is all gone again, or a person looks at it already.
            PaymentState::Created
            | PaymentState::Pending
            | PaymentState::Challenge
            | PaymentState::Denied
            | PaymentState::Cancelled
            | PaymentState::Expired
            | PaymentState::Refunded
            | PaymentState::ChargedBack
            | PaymentState::Reversed
            | PaymentState::Review => {}
        }
    }

    /// Whether nothing is left for a person to decide about a payment that was in review.
    pub fn closes_review(&self, charge: &Charge) -> bool {
        let before = &charge.payment;
        let is_decided = before.state == PaymentState::Review
            && self.payment.as_ref().is_some_and(|payment| {
                !matches!(
                    payment.state,
                    PaymentState::Review | PaymentState::PartlyRefunded
                )
            });
        match &charge.paid_for {
            PaidFor::Booking(_) | PaidFor::TopUp(_) => is_decided,
            PaidFor::Bill(billed) => {
                is_decided || bill::leaves_review(billed, &self.subject, &before.order_id)
            }
        }
    }

    /// Whether the money has come with this.
    pub fn is_paid_now(&self, before: &Payment) -> bool {
        let after = self.payment.as_ref();
        before.state.is_unpaid() && after.is_some_and(|payment| payment.state.holds_money())
    }

    pub fn seat_lost(&mut self, case: &Case<'_>, free: Option<u8>) {
        match (&mut self.subject, free) {
            (SubjectMove::Reservation { reservation, .. }, Some(seat))
                if reservation.seat != seat =>
            {
                reservation.seat = seat;
            }
            (
                SubjectMove::Reservation { .. }
                | SubjectMove::Stays
                | SubjectMove::TopUp(_)
                | SubjectMove::Bill { .. },
                Some(_) | None,
            ) => self.review(case),
        }
    }
}

fn alarm_name(alarm: Alarm) -> &'static str {
    match alarm {
        Alarm::WrongAmount => "wrong amount",
        Alarm::PaidTwice => "paid twice",
        Alarm::Reversed => "reversed",
        Alarm::ChargedBack => "charged back",
        Alarm::CaptureCancelled => "capture cancelled",
        Alarm::RefundedTooMuch => "refunded too much",
    }
}
