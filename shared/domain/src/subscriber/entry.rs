use jiff::Timestamp;

use super::{AnchorDay, Noted, Plans, Subscriber, whole_second};
use crate::calendar::Zone;
use crate::field::FieldRefused;
use crate::ids::{PlanId, SubscriberId};
use crate::language::Language;
use crate::whatsapp::Phone;

/// What somebody says of a subscriber. What is not said stays as it is, or as it is by default.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Without it one is made.
    pub id: Option<SubscriberId>,
    /// As they are addressed.
    pub name: String,
    /// Their number at WhatsApp.
    pub phone: Phone,
    /// What they pay for.
    pub plan: PlanId,
    /// Else the 10th.
    pub anchor_day: Option<AnchorDay>,
    /// Else that of their number.
    pub language: Option<Language>,
    /// Else the merchant's.
    pub zone: Option<Zone>,
    /// Else they are not.
    pub is_paused: Option<bool>,
    /// That they want nothing on WhatsApp. An entry cannot take it back: an old file would.
    pub opted_out: Option<Noted>,
    /// That they agreed to be written to.
    pub consent: Option<Noted>,
    /// Their chat with the merchant's bot.
    pub telegram_chat: Option<i64>,
}

/// What an entry comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settled {
    /// Somebody new.
    New(Subscriber),
    /// Somebody known, of whom something else is said; in the version that follows.
    Changed(Subscriber),
    /// Nothing new.
    Unchanged,
}

impl Entry {
    /// Settles what is said of the subscriber `id`, who is `stored` so far. Who is new is in the
    /// merchant's `zone` and counts as made at `now`.
    ///
    /// # Errors
    /// [`FieldRefused`] for a name that cannot be, for a plan that is not there or takes nobody new,
    /// and for an id that nobody new can have.
    pub fn settle(
        &self,
        id: &SubscriberId,
        stored: Option<&Subscriber>,
        plans: &Plans,
        zone: Zone,
        now: Timestamp,
    ) -> Result<Settled, FieldRefused> {
        check_plan(&self.plan, stored, plans)?;
        let before = match stored {
            Some(stored) => stored.clone(),
            None => {
                check_id(id)?;
                self.blank(id, zone, now)
            }
        };
        let next = Subscriber {
            id: id.clone(),
            name: self.name.clone(),
            phone: self.phone.clone(),
            plan: self.plan.clone(),
            anchor_day: self.anchor_day.unwrap_or(before.anchor_day),
            language: self.language.unwrap_or(before.language),
            zone: self.zone.unwrap_or(before.zone),
            is_paused: self.is_paused.unwrap_or(before.is_paused),
            opted_out: before.opted_out.clone().or_else(|| self.opted_out.clone()),
            consent: self.consent.clone().or_else(|| before.consent.clone()),
            telegram_chat: before.telegram_chat,
            chat_changes: before.chat_changes,
            made_at: before.made_at,
            version: before.version,
        };
        let next = next.with_chat(self.telegram_chat.or(before.telegram_chat));
        next.check()?;
        Ok(match stored {
            None => Settled::New(next),
            Some(stored) if *stored == next => Settled::Unchanged,
            Some(stored) => Settled::Changed(Subscriber {
                version: stored.version.saturating_add(1),
                ..next
            }),
        })
    }

    fn blank(&self, id: &SubscriberId, zone: Zone, now: Timestamp) -> Subscriber {
        Subscriber {
            id: id.clone(),
            name: String::new(),
            phone: self.phone.clone(),
            plan: self.plan.clone(),
            anchor_day: AnchorDay::default(),
            language: self.phone.language(),
            zone,
            is_paused: false,
            opted_out: None,
            consent: None,
            telegram_chat: None,
            chat_changes: 0,
            made_at: whole_second(now),
            version: 1,
        }
    }
}

/// Words that stand where an id would in the API's paths.
const RESERVED: [&str; 2] = ["export", "import"];

/// Whether somebody new can have an id. Who had it before keeps it.
///
/// # Errors
/// [`FieldRefused`], which does not quote it.
pub fn check_id(id: &SubscriberId) -> Result<(), FieldRefused> {
    let refused = |reason| Err(FieldRefused::new("id", reason));
    if RESERVED.contains(&id.as_str()) {
        refused("is a word of the API's own: choose another, such as plg-001")
    } else if Phone::read(id.as_str()).is_ok() {
        refused(
            "reads as a phone number, and an id stands in bills' numbers, events and logs: choose \
             another, such as plg-001",
        )
    } else {
        Ok(())
    }
}

/// Whether a subscriber, who is `stored` so far, can have a plan: one that is there, and that
/// takes new subscribers or is theirs already.
///
/// # Errors
/// [`FieldRefused`]
pub fn check_plan(
    plan: &PlanId,
    stored: Option<&Subscriber>,
    plans: &Plans,
) -> Result<(), FieldRefused> {
    let refused = |reason| Err(FieldRefused::new("plan", reason));
    match plans.get(plan) {
        None => refused(format!("there is no plan {plan}")),
        Some(found) if found.is_archived && stored.is_none_or(|stored| stored.plan != *plan) => {
            refused(format!("the plan {plan} is archived and takes nobody new"))
        }
        Some(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::budi;
    use super::*;
    use crate::money::Rupiah;
    use crate::subscriber::Plan;

    fn plans() -> Plans {
        let plan = |id: &str| Plan::new(PlanId::parse(id).unwrap(), id, Rupiah::new(150_000));
        let old = Plan {
            is_archived: true,
            ..plan("lama")
        };
        Plans::new(vec![plan("dasar"), old])
    }

    fn entry() -> Entry {
        Entry {
            id: None,
            name: "Budi Santoso".to_owned(),
            phone: Phone::read("081200001001").unwrap(),
            plan: PlanId::parse("dasar").unwrap(),
            anchor_day: None,
            language: None,
            zone: None,
            is_paused: None,
            opted_out: None,
            consent: None,
            telegram_chat: None,
        }
    }

    fn settle(entry: &Entry, stored: Option<&Subscriber>) -> Result<Settled, FieldRefused> {
        let made_at = budi().made_at;
        entry.settle(&budi().id, stored, &plans(), Zone::Jakarta, made_at)
    }

    fn noted(second: i64) -> Option<Noted> {
        let at = Timestamp::from_second(second).unwrap();
        Noted::new("consent_source", at, "paper form").ok()
    }

    #[test]
    fn who_is_new_gets_the_defaults_and_the_same_entry_again_changes_nothing() {
        assert_eq!(settle(&entry(), None), Ok(Settled::New(budi())));
        assert_eq!(settle(&entry(), Some(&budi())), Ok(Settled::Unchanged));
    }

    #[test]
    fn nobody_new_has_a_phone_number_or_a_word_of_the_api_for_an_id() {
        for bad in [
            "export",
            "import",
            "081234567890",
            "6281234567890",
            "0812-3456-7890",
            "81234567890",
        ] {
            let id = SubscriberId::parse(bad).unwrap();
            let settle = |stored| {
                let made_at = budi().made_at;
                entry().settle(&id, stored, &plans(), Zone::Jakarta, made_at)
            };
            let refused = settle(None).unwrap_err();
            assert_eq!(refused.field, "id", "{bad}");
            assert!(!refused.to_string().contains("7890"), "{refused}");
            // Who has it keeps it.
            let before = Subscriber {
                id: id.clone(),
                ..budi()
            };
            assert_eq!(settle(Some(&before)), Ok(Settled::Unchanged), "{bad}");
        }
        for good in [
            "plg-001",
            "12345",
            "021-555",
            "s-abc",
            "exports",
            "900000000000",
        ] {
            assert_eq!(
                check_id(&SubscriberId::parse(good).unwrap()),
                Ok(()),
                "{good}"
            );
        }
    }

    #[test]
    fn what_is_not_said_stays() {
        let stored = Subscriber {
            anchor_day: AnchorDay::new(31).unwrap(),
            language: Language::English,
            zone: Zone::Jayapura,
            is_paused: true,
            opted_out: noted(1),
            consent: noted(2),
            telegram_chat: Some(7),
            version: 4,
            ..budi()
        };
        assert_eq!(settle(&entry(), Some(&stored)), Ok(Settled::Unchanged));
        let said = Entry {
            is_paused: Some(false),
            opted_out: noted(9),
            consent: noted(10),
            ..entry()
        };
        let changed = Subscriber {
            is_paused: false,
            consent: noted(10),
            version: 5,
            ..stored.clone()
        };
        assert_eq!(settle(&said, Some(&stored)), Ok(Settled::Changed(changed)));
    }

    #[test]
    fn an_archived_plan_keeps_who_has_it_and_takes_nobody() {
        let old = Entry {
            plan: PlanId::parse("lama").unwrap(),
            ..entry()
        };
        let holder = Subscriber {
            plan: old.plan.clone(),
            ..budi()
        };
        assert_eq!(settle(&old, Some(&holder)), Ok(Settled::Unchanged));
        assert_eq!(settle(&old, Some(&budi())).unwrap_err().field, "plan");
        assert_eq!(settle(&old, None).unwrap_err().field, "plan");
        let nowhere = Entry {
            plan: PlanId::parse("emas").unwrap(),
            ..entry()
        };
        assert_eq!(settle(&nowhere, None).unwrap_err().field, "plan");
    }
}
