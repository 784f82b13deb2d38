//! The operations, each with what it needs.

use std::sync::{Arc, OnceLock};

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use pesan_domain::api_key::Scope;
use pesan_service::App;
use serde_json::Value;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::gate::keyed;
use crate::problem::{Kind, Problem};
use crate::segment::Segment;
use crate::{balance, billing_runs, bills, docs, files, keys, openapi, plans, subscribers};

const READ: Option<Scope> = Some(Scope::BillingRead);
const WRITE: Option<Scope> = Some(Scope::BillingWrite);
const BALANCE: Option<Scope> = Some(Scope::BalanceRead);

/// Everything under `/v1`.
pub(crate) fn router(app: &Arc<App>) -> Router {
    let (router, openapi) = OpenApiRouter::with_openapi(openapi::base())
        .routes(keyed(app, None, routes!(keys::current)))
        .routes(keyed(app, READ, routes!(plans::list)))
        .routes(keyed(app, WRITE, routes!(plans::create)))
        .routes(keyed(app, READ, routes!(plans::show)))
        .routes(keyed(app, WRITE, routes!(plans::change)))
        .routes(keyed(app, WRITE, routes!(plans::archive)))
        .routes(keyed(app, READ, routes!(subscribers::list)))
        .routes(keyed(app, WRITE, routes!(subscribers::create)))
        .routes(keyed(app, READ, routes!(subscribers::show)))
        .routes(keyed(app, WRITE, routes!(subscribers::change)))
        .routes(keyed(app, WRITE, routes!(subscribers::remove)))
        .routes(keyed(app, WRITE, routes!(subscribers::telegram_link)))
        .routes(keyed(app, WRITE, routes!(files::import)))
        .routes(keyed(app, READ, routes!(files::export)))
        .routes(keyed(app, WRITE, routes!(billing_runs::create)))
        .routes(keyed(app, READ, routes!(billing_runs::show)))
        .routes(keyed(app, READ, routes!(billing_runs::tape)))
        .routes(keyed(app, READ, routes!(bills::list)))
        .routes(keyed(app, READ, routes!(bills::show)))
        .routes(keyed(app, WRITE, routes!(bills::pay)))
        .routes(keyed(app, WRITE, routes!(bills::give_back)))
        .routes(keyed(app, WRITE, routes!(bills::call_off)))
        .routes(keyed(app, BALANCE, routes!(balance::show)))
        .split_for_parts();
    let (described, openapi) = OpenApiRouter::with_openapi(openapi)
        .routes(routes!(description))
        .routes(routes!(documentation))
        .routes(routes!(stylesheet))
        .routes(routes!(explained))
        .split_for_parts();
    let description = Description {
        openapi,
        base_url: app.public_base_url.clone(),
        document: OnceLock::new(),
    };
    router
        .with_state(Arc::clone(app))
        .merge(described.with_state(Arc::new(description)))
        .method_not_allowed_fallback(|| async { Problem::method_not_allowed() })
        .fallback(|| async { Problem::not_found() })
}

/// The description of the API, written out when somebody first asks for it.
struct Description {
    openapi: OpenApi,
    base_url: String,
    document: OnceLock<Option<Value>>,
}

impl Description {
    fn document(&self) -> Result<&Value, Problem> {
        let write = || match openapi::document(&self.openapi, &self.base_url) {
            Ok(document) => Some(document),
            Err(error) => {
                tracing::error!(kind = "api", outcome = "not described", %error);
                None
            }
        };
        let document = self.document.get_or_init(write).as_ref();
        document.ok_or_else(|| {
            let detail = "the description cannot be written: try another time";
            Problem::new(Kind::Unavailable, detail)
        })
    }
}

/// The API for programs
///
/// This description, as OpenAPI 3.1.
#[utoipa::path(
    get,
    path = "/v1/openapi.json",
    operation_id = "get_openapi",
    tag = "Documentation",
    responses((status = 200, description = "The description", body = Value,
        content_type = "application/json",
        example = json!({"openapi": "3.1.0"})))
)]
async fn description(State(description): State<Arc<Description>>) -> Result<Response, Problem> {
    Ok(Json(description.document()?).into_response())
}

/// The API for people
#[utoipa::path(
    get,
    path = "/v1/docs",
    operation_id = "get_docs",
    tag = "Documentation",
    responses((status = 200, description = "A page", body = String, content_type = "text/html",
        example = "<!doctype html>"))
)]
async fn documentation(State(description): State<Arc<Description>>) -> Result<Response, Problem> {
    Ok(docs::page(description.document()?))
}

/// The pages' stylesheet
#[utoipa::path(
    get,
    path = "/v1/docs/style.css",
    operation_id = "get_docs_style",
    tag = "Documentation",
    responses((status = 200, description = "A stylesheet", body = String, content_type = "text/css",
        example = "body {}"))
)]
async fn stylesheet() -> Response {
    (
        [(header::CONTENT_TYPE, "text/css; charset=utf-8")],
        docs::STYLE,
    )
        .into_response()
}

/// What a kind of problem means and what to do about it
///
/// A problem's `type` is the address of this page.
#[utoipa::path(
    get,
    path = "/v1/problems/{name}",
    operation_id = "get_problem",
    tag = "Documentation",
    params(("name" = String, Path, description = "The kind of problem", example = "not-found")),
    responses((status = 200, description = "A page", body = String, content_type = "text/html",
        example = "<!doctype html>"))
)]
async fn explained(Segment(name): Segment) -> Result<Response, Problem> {
    let kind = Kind::named(&name).ok_or_else(Problem::not_found)?;
    Ok(docs::problem(kind))
}
