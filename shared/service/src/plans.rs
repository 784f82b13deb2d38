//! What a merchant's subscribers pay for each month.

use pesan_adapters::dynamodb::StoreError;
use pesan_domain::ids::{MerchantId, PlanId};
use pesan_domain::subscriber::{Plan, Plans};

use crate::subscribers::{RegistryError, known};
use crate::{App, TRIES, step_aside};

/// A merchant's plans, archived ones among them.
///
/// # Errors
/// [`RegistryError::UnknownMerchant`]
pub async fn list(app: &App, merchant: &MerchantId) -> Result<Plans, RegistryError> {
    known(app, merchant).await?;
    Ok(app.store.plans(merchant).await?)
}

/// One plan.
///
/// # Errors
/// [`RegistryError::UnknownPlan`]
pub async fn find(app: &App, merchant: &MerchantId, id: &PlanId) -> Result<Plan, RegistryError> {
    let plans = list(app, merchant).await?;
    let found = plans.get(id).cloned();
    found.ok_or_else(|| RegistryError::UnknownPlan(id.clone()))
}

/// Makes a plan.
///
/// # Errors
/// [`RegistryError::PlanExists`] where there is one of this id, [`RegistryError::Field`] for a name
/// or fee that cannot be.
pub async fn add(app: &App, merchant: &MerchantId, plan: &Plan) -> Result<(), RegistryError> {
    plan.check()?;
    let exists = || RegistryError::PlanExists(plan.id.clone());
    if list(app, merchant).await?.get(&plan.id).is_some() {
        return Err(exists());
    }
    match app.store.put_plan(merchant, plan).await {
        // It was not there a moment ago: what is there as it was to be written is this very write, whose
        // answer was lost.
        Err(StoreError::Conflict) => match find(app, merchant, &plan.id).await? {
            there if there == *plan => Ok(()),
            _ => Err(exists()),
        },
        done => Ok(done?),
    }
}

/// Changes a plan's name or fee, archives it or takes it back; another change at the same moment is
/// not lost. Bills that are made keep the fee they were made with.
///
/// # Errors
/// [`RegistryError::UnknownPlan`], [`RegistryError::Field`]
pub async fn change(
    app: &App,
    merchant: &MerchantId,
    id: &PlanId,
    change: impl Fn(&mut Plan),
) -> Result<Plan, RegistryError> {
    for nth in 1..=TRIES {
        let before = find(app, merchant, id).await?;
        let mut plan = before.clone();
        change(&mut plan);
        if plan == before {
            return Ok(plan);
        }
        plan.check()?;
        plan.id = before.id;
        plan.version = before.version.saturating_add(1);
        match app.store.put_plan(merchant, &plan).await {
            Err(StoreError::Conflict) => step_aside(nth).await,
            done => {
                done?;
                return Ok(plan);
            }
        }
    }
    Err(RegistryError::contended(id.as_str()))
}

/// Archives a plan: it takes nobody new, and who has it keeps it. It is not taken out, since
/// subscribers and bills name it.
///
/// # Errors
/// As [`change`].
pub async fn archive(app: &App, merchant: &MerchantId, id: &PlanId) -> Result<Plan, RegistryError> {
    change(app, merchant, id, |plan| plan.is_archived = true).await
}
