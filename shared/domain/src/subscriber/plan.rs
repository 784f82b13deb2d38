use crate::field::{self, FieldRefused};
use crate::ids::PlanId;
use crate::money::Rupiah;

/// The dearest month.
const MOST_RUPIAH: u64 = 999_999_999;

/// What a subscriber pays for each month.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Stable: subscribers and bills name it.
    pub id: PlanId,
    /// As it stands on the bill.
    pub name: String,
    /// What a month costs. A bill keeps the fee it was made with.
    pub monthly_fee: Rupiah,
    /// Takes nobody new; who has it keeps it and is billed.
    pub is_archived: bool,
    /// Counts its commits.
    pub version: u64,
}

impl Plan {
    /// A plan that is new.
    #[must_use]
    pub fn new(id: PlanId, name: &str, monthly_fee: Rupiah) -> Self {
        Self {
            id,
            name: name.to_owned(),
            monthly_fee,
            is_archived: false,
            version: 1,
        }
    }

    /// Whether its name and fee can be.
    ///
    /// # Errors
    /// [`FieldRefused`]: a name of 1 to 60 characters, a fee from Rp1.
    pub fn check(&self) -> Result<(), FieldRefused> {
        field::check_text("name", &self.name, 1, 60)?;
        field::check_number("monthly_fee", self.monthly_fee.get(), 1, MOST_RUPIAH)
    }
}

/// A merchant's plans.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plans(Vec<Plan>);

impl Plans {
    /// Takes plans in any order.
    #[must_use]
    pub fn new(mut plans: Vec<Plan>) -> Self {
        plans.sort_by(|a, b| a.id.cmp(&b.id));
        Self(plans)
    }

    /// Every plan, by id.
    #[must_use]
    pub fn all(&self) -> &[Plan] {
        &self.0
    }

    /// One plan.
    #[must_use]
    pub fn get(&self, id: &PlanId) -> Option<&Plan> {
        self.0.iter().find(|plan| plan.id == *id)
    }

    /// The plan that a person calls so: by its id, or by a name that no other plan has.
    #[must_use]
    pub fn called(&self, text: &str) -> Option<&Plan> {
        let lower = text.to_lowercase();
        let by_id = self.0.iter().find(|plan| plan.id.as_str() == lower);
        by_id.or_else(|| {
            let mut named = self
                .0
                .iter()
                .filter(|plan| plan.name.to_lowercase() == lower);
            named.next().filter(|_| named.next().is_none())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(id: &str, name: &str) -> Plan {
        Plan::new(PlanId::parse(id).unwrap(), name, Rupiah::new(150_000))
    }

    #[test]
    fn a_plan_is_called_by_its_id_or_by_a_name_of_its_own() {
        let plans = Plans::new(vec![
            plan("pro", "Pro"),
            plan("dasar", "Paket Dasar"),
            plan("old", "Lama"),
            plan("older", "lama"),
        ]);
        let called = |text| plans.called(text).map(|plan| plan.id.as_str());
        assert_eq!(called("dasar"), Some("dasar"));
        assert_eq!(called("PRO"), Some("pro"));
        assert_eq!(called("paket dasar"), Some("dasar"));
        assert_eq!(called("Lama"), None);
        assert_eq!(called(""), None);
    }

    #[test]
    fn i2_a_plan_that_costs_nothing_or_too_much_is_refused() {
        let with = |fee| Plan {
            monthly_fee: Rupiah::new(fee),
            ..plan("pro", "Pro")
        };
        assert_eq!(with(1).check(), Ok(()));
        for fee in [0, 1_000_000_000] {
            assert_eq!(with(fee).check().unwrap_err().field, "monthly_fee");
        }
        assert_eq!(plan("pro", "").check().unwrap_err().field, "name");
    }
}
