//! What a key is and may do.

use axum::Json;
use pesan_domain::api_key::{ApiKey, Scope};
use serde::Serialize;
use utoipa::ToSchema;

use crate::gate::Caller;
use crate::parameters::Parameters;
use crate::problem::Problem;

/// A key, without what opens it
#[derive(Serialize, ToSchema)]
pub(crate) struct Key {
    /// Its public name; `pesan key revoke` takes it
    #[schema(pattern = "^[0-9a-f]{12}$", example = "3f9c1b0a7d25")]
    id: String,
    /// What it is for, in the operator's words
    #[schema(example = "billing system")]
    name: String,
    /// Whose data it reaches
    #[schema(example = "demo")]
    merchant: String,
    /// What it may do
    #[schema(example = json!(["billing:read", "billing:write"]))]
    scopes: Vec<ScopeName>,
    /// How often it may call
    limit: Limit,
    /// When it was made
    #[schema(format = DateTime, example = "2026-12-01T01:00:00Z")]
    created_at: String,
}

/// What a key may be for
#[derive(Serialize, ToSchema)]
#[schema(as = Scope)]
pub(crate) enum ScopeName {
    /// Read plans, subscribers, billing runs and bills
    #[serde(rename = "billing:read")]
    BillingRead,
    /// Change plans and subscribers, start runs, record payments and refunds, call bills off
    #[serde(rename = "billing:write")]
    BillingWrite,
    /// Read messages and approvals
    #[serde(rename = "messages:read")]
    MessagesRead,
    /// Send messages, one-time codes and approval requests
    #[serde(rename = "messages:write")]
    MessagesWrite,
    /// Read the prepaid balance
    #[serde(rename = "balance:read")]
    BalanceRead,
    /// Top up the prepaid balance
    #[serde(rename = "balance:write")]
    BalanceWrite,
}

impl From<Scope> for ScopeName {
    fn from(scope: Scope) -> Self {
        match scope {
            Scope::BillingRead => Self::BillingRead,
            Scope::BillingWrite => Self::BillingWrite,
            Scope::MessagesRead => Self::MessagesRead,
            Scope::MessagesWrite => Self::MessagesWrite,
            Scope::BalanceRead => Self::BalanceRead,
            Scope::BalanceWrite => Self::BalanceWrite,
        }
    }
}

/// How often a key may call
#[derive(Serialize, ToSchema)]
#[schema(as = Limit)]
pub(crate) struct Limit {
    /// Requests a second, lastingly
    #[schema(example = 100)]
    per_second: u32,
    /// Requests at once, after a rest
    #[schema(example = 500)]
    burst: u32,
}

impl From<ApiKey> for Key {
    fn from(key: ApiKey) -> Self {
        Self {
            id: key.id.as_str().to_owned(),
            name: key.name,
            merchant: key.merchant.as_str().to_owned(),
            scopes: key.scopes.into_iter().map(ScopeName::from).collect(),
            limit: Limit {
                per_second: key.rate.per_second,
                burst: key.rate.burst,
            },
            created_at: key.made_at.to_string(),
        }
    }
}

/// What the key of this request is
///
/// Whose data the key reaches, what it may do, and how often. It needs no scope.
#[utoipa::path(
    get,
    path = "/v1/keys/current",
    tag = "Keys",
    responses((status = 200, description = "The key", body = Key))
)]
pub(crate) async fn current(caller: Caller, parameters: Parameters) -> Result<Json<Key>, Problem> {
    parameters.end()?;
    Ok(Json(caller.key.into()))
}
