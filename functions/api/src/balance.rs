//! What a merchant has paid ahead for its messages.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use pesan_service::{App, top_up};
use serde::Serialize;
use utoipa::ToSchema;

use crate::gate::Caller;
use crate::parameters::Parameters;
use crate::problem::Problem;

/// A prepaid balance, in rupiah
#[derive(Serialize, ToSchema)]
pub(crate) struct Balance {
    /// What messages can be sent for
    #[schema(example = 36_700)]
    available: u64,
    /// What is set aside for messages on their way
    #[schema(example = 0)]
    reserved: u64,
    /// What messages have cost so far
    #[schema(example = 0)]
    spent: u64,
}

/// The prepaid balance
#[utoipa::path(
    get,
    path = "/v1/balance",
    operation_id = "get_balance",
    tag = "Balance",
    responses((status = 200, description = "The balance", body = Balance))
)]
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    caller: Caller,
    parameters: Parameters,
) -> Result<Json<Balance>, Problem> {
    parameters.end()?;
    let (_, account) = top_up::balance(&app, &caller.key.merchant).await?;
    let balance = account.balance;
    Ok(Json(Balance {
        available: balance.available.get(),
        reserved: balance.reserved.get(),
        spent: balance.spent.get(),
    }))
}
