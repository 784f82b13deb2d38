use pesan_domain::ids::{MerchantId, PlanId};
use pesan_domain::money::Rupiah;
use pesan_domain::subscriber::{Plan, Plans};
use serde::{Deserialize, Serialize};

use super::rows::Keyed;
use super::{Item, Store, StoreError, broken, from_item, keys, to_item};

#[derive(Clone, Debug, Serialize, Deserialize)]
struct PlanRow {
    name: String,
    monthly_fee: u64,
    #[serde(default)]
    archived: bool,
    version: u64,
}

impl From<&Plan> for PlanRow {
    fn from(plan: &Plan) -> Self {
        Self {
            name: plan.name.clone(),
            monthly_fee: plan.monthly_fee.get(),
            archived: plan.is_archived,
            version: plan.version,
        }
    }
}

fn plan(item: Item) -> Result<Plan, StoreError> {
    let Keyed { sk, row, .. } = from_item::<Keyed<PlanRow>>(item)?;
    Ok(Plan {
        id: PlanId::parse(&sk).map_err(broken)?,
        name: row.name,
        monthly_fee: Rupiah::new(row.monthly_fee),
        is_archived: row.archived,
        version: row.version,
    })
}

impl Store {
    /// A merchant's plans, which are few.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn plans(&self, merchant: &MerchantId) -> Result<Plans, StoreError> {
        let items = self.partition(keys::plans(merchant)).await?;
        let plans: Result<Vec<Plan>, StoreError> = items.into_iter().map(plan).collect();
        Ok(Plans::new(plans?))
    }

    /// Writes a plan over the version before it, or where there is none.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] where another change came first.
    pub async fn put_plan(&self, merchant: &MerchantId, plan: &Plan) -> Result<(), StoreError> {
        let row = Keyed::new(keys::plan(merchant, &plan.id), PlanRow::from(plan));
        self.put_next(to_item(&row)?, plan.version).await
    }
}
