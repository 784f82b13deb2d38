//! What subscribers pay for each month.

use std::sync::Arc;

use axum::Json as Answer;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use pesan_domain::field::FieldRefused;
use pesan_domain::ids::PlanId;
use pesan_domain::money::Rupiah;
use pesan_domain::subscriber::Plan as Domain;
use pesan_service::idempotency::Seed;
use pesan_service::subscribers::RegistryError;
use pesan_service::{App, plans};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::gate::{Caller, Seeded};
use crate::json::{Json, given};
use crate::parameters::{Paging, Parameters};
use crate::problem::Problem;
use crate::segment::Segment;

/// What a subscriber pays for each month
#[derive(Serialize, ToSchema)]
pub(crate) struct Plan {
    /// Stable: subscribers and bills name it
    #[schema(pattern = "id", example = "dasar")]
    id: String,
    /// As it stands on the bill
    #[schema(example = "Paket Dasar")]
    name: String,
    /// What a month costs, in rupiah
    #[schema(minimum = 1, maximum = 999_999_999, example = 150_000)]
    monthly_fee: u64,
    /// Takes nobody new; who has it keeps it and is billed
    #[schema(example = false)]
    archived: bool,
}

impl From<Domain> for Plan {
    fn from(plan: Domain) -> Self {
        Self {
            id: plan.id.as_str().to_owned(),
            name: plan.name,
            monthly_fee: plan.monthly_fee.get(),
            archived: plan.is_archived,
        }
    }
}

/// A page of plans, by id
#[derive(Serialize, ToSchema)]
#[schema(as = PlanList)]
pub(crate) struct List {
    plans: Vec<Plan>,
    /// The `cursor` of the next page; null on the last
    #[schema(required, example = json!(null))]
    next: Option<String>,
}

/// A plan to be made
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewPlan {
    /// Chosen by you, for good
    #[schema(pattern = "id", example = "dasar")]
    id: String,
    /// As it stands on the bill
    #[schema(
        min_length = 1,
        max_length = 60,
        example = "Paket Dasar",
        pattern = "line"
    )]
    name: String,
    /// What a month costs, in rupiah
    #[schema(minimum = 1, maximum = 999_999_999, example = 150_000)]
    monthly_fee: u64,
}

/// What to change of a plan; what is left out stays
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PlanChange {
    /// As it stands on the bill
    #[serde(default, deserialize_with = "given")]
    #[schema(
        nullable = false,
        min_length = 1,
        max_length = 60,
        example = "Paket Dasar",
        pattern = "line"
    )]
    name: Option<String>,
    /// What a month costs, in rupiah. Bills that are made keep the fee they were made with
    #[serde(default, deserialize_with = "given")]
    #[schema(
        nullable = false,
        minimum = 1,
        maximum = 999_999_999,
        example = 175_000
    )]
    monthly_fee: Option<u64>,
}

fn id_of(segment: &str) -> Result<PlanId, Problem> {
    PlanId::parse(segment).map_err(|_| Problem::not_found())
}

/// One that is archived is gone from its address, and stays in the list of archived ones.
fn there(plan: Domain) -> Result<Domain, Problem> {
    if plan.is_archived {
        return Err(RegistryError::UnknownPlan(plan.id).into());
    }
    Ok(plan)
}

/// The plans
///
/// By id. Archived ones are left out unless asked for.
#[utoipa::path(
    get,
    path = "/v1/plans",
    operation_id = "list_plans",
    tag = "Plans",
    params(
        Paging,
        ("archived" = Option<bool>, Query, description = "The archived ones too", example = false),
    ),
    responses((status = 200, description = "A page of plans", body = List))
)]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    mut parameters: Parameters,
) -> Result<Answer<List>, Problem> {
    let archived = parameters.flag("archived")?;
    let name = if archived { "plans, all" } else { "plans" };
    let page = parameters.page(&caller, name)?;
    parameters.end()?;
    let all = plans::list(&app, &caller.key.merchant).await?;
    let after = page.after.as_deref();
    let mut wanted = all.all().iter().filter(|plan| {
        (archived || !plan.is_archived) && after.is_none_or(|after| plan.id.as_str() > after)
    });
    let shown: Vec<Domain> = wanted.by_ref().take(page.limit.into()).cloned().collect();
    let next = wanted.next().and(shown.last());
    Ok(Answer(List {
        next: next.map(|last| caller.cursors.seal(name, last.id.as_str())),
        plans: shown.into_iter().map(Plan::from).collect(),
    }))
}

/// Makes a plan
///
/// Under the id of an archived one it takes that one back, with this name and fee.
#[utoipa::path(
    post,
    path = "/v1/plans",
    operation_id = "create_plan",
    tag = "Plans",
    request_body = NewPlan,
    responses((status = 201, description = "The plan", body = Plan,
        headers(("Location" = String, description = "Where it is"))))
)]
pub(crate) async fn create(
    State(app): State<Arc<App>>,
    caller: Caller,
    Seeded(seed): Seeded,
    parameters: Parameters,
    Json(new): Json<NewPlan>,
) -> Result<Response, Problem> {
    parameters.end()?;
    let id = PlanId::parse(&new.id)
        .map_err(|_| FieldRefused::new("id", "not 1 to 24 small letters, digits and hyphens"))?;
    let plan = Domain::new(id, &new.name, Rupiah::new(new.monthly_fee));
    let plan = made(&app, &caller, plan, seed).await?;
    let location = [(header::LOCATION, format!("/v1/plans/{}", plan.id))];
    Ok((StatusCode::CREATED, location, Answer(Plan::from(plan))).into_response())
}

async fn made(
    app: &App,
    caller: &Caller,
    plan: Domain,
    seed: Seed,
) -> Result<Domain, RegistryError> {
    let merchant = &caller.key.merchant;
    let taken = match plans::add(app, merchant, &plan).await {
        Ok(()) => return Ok(plan),
        Err(RegistryError::PlanExists(id)) => id,
        Err(error) => return Err(error),
    };
    let there = plans::find(app, merchant, &taken).await?;
    let same = there.name == plan.name && there.monthly_fee == plan.monthly_fee;
    if there.is_archived {
        let changed = plans::change(app, merchant, &taken, |there| {
            there.name.clone_from(&plan.name);
            there.monthly_fee = plan.monthly_fee;
            there.is_archived = false;
        });
        return changed.await;
    }
    if seed.is_again() && same {
        return Ok(there);
    }
    Err(RegistryError::PlanExists(taken))
}

/// One plan
#[utoipa::path(
    get,
    path = "/v1/plans/{id}",
    operation_id = "get_plan",
    tag = "Plans",
    params(("id" = String, Path, description = "Its id", example = "dasar",
        pattern = "id")),
    responses((status = 200, description = "The plan", body = Plan))
)]
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    caller: Caller,
    Segment(id): Segment,
    parameters: Parameters,
) -> Result<Answer<Plan>, Problem> {
    parameters.end()?;
    let plan = plans::find(&app, &caller.key.merchant, &id_of(&id)?).await?;
    Ok(Answer(there(plan)?.into()))
}

/// Changes a plan's name or fee
#[utoipa::path(
    patch,
    path = "/v1/plans/{id}",
    operation_id = "change_plan",
    tag = "Plans",
    params(("id" = String, Path, description = "Its id", example = "dasar",
        pattern = "id")),
    request_body = PlanChange,
    responses((status = 200, description = "The plan", body = Plan))
)]
pub(crate) async fn change(
    State(app): State<Arc<App>>,
    caller: Caller,
    Segment(id): Segment,
    parameters: Parameters,
    Json(change): Json<PlanChange>,
) -> Result<Answer<Plan>, Problem> {
    parameters.end()?;
    let (merchant, id) = (&caller.key.merchant, id_of(&id)?);
    there(plans::find(&app, merchant, &id).await?)?;
    let plan = plans::change(&app, merchant, &id, |plan| {
        if let Some(name) = &change.name {
            plan.name.clone_from(name);
        }
        if let Some(fee) = change.monthly_fee {
            plan.monthly_fee = Rupiah::new(fee);
        }
    });
    Ok(Answer(plan.await?.into()))
}

/// Archives a plan
///
/// It takes nobody new and is gone from its address; who has it keeps it and is billed, so it
/// stays in the list with `archived=true`. `POST /v1/plans` under its id takes it back.
#[utoipa::path(
    delete,
    path = "/v1/plans/{id}",
    operation_id = "archive_plan",
    tag = "Plans",
    params(("id" = String, Path, description = "Its id", example = "dasar",
        pattern = "id")),
    responses((status = 204, description = "It is archived"))
)]
pub(crate) async fn archive(
    State(app): State<Arc<App>>,
    caller: Caller,
    Seeded(seed): Seeded,
    Segment(id): Segment,
    parameters: Parameters,
) -> Result<StatusCode, Problem> {
    parameters.end()?;
    let (merchant, id) = (&caller.key.merchant, id_of(&id)?);
    let plan = plans::find(&app, merchant, &id).await?;
    if !(seed.is_again() && plan.is_archived) {
        there(plan)?;
        plans::archive(&app, merchant, &id).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}
