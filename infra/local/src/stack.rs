//! Everything put together in one process.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, ensure};
use aws_credential_types::Credentials;
use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use axum::response::IntoResponse as _;
use jiff::Timestamp;
use pesan_adapters::aws::Aws;
use pesan_lambda::Env;
use pesan_sandbox::{Options as SandboxOptions, Sandbox};
use serde_json::Value;
use tokio::net::TcpListener;

use crate::activity::Activity;
use crate::clock::Turnable;
use crate::database::Door;
use crate::handles::Handles;
use crate::invoke::{Environments, Pool, is_known};
use crate::parameters::Parameters;
use crate::path::{MessagePath, Parts};
use crate::server::ENVIRONMENT_PREFIX;
use crate::streams::Writes;
use crate::template::{Function, Template};
use crate::{database, edge, seed, server};

/// Below which the stack's secrets are.
pub const PARAMETER_PREFIX: &str = "/pesan/local";
/// Where a deployment would be; DynamoDB's own wire needs some region.
pub const REGION: &str = "ap-southeast-3";
/// The event bus' name.
pub const EVENT_BUS: &str = "pesan";

/// How the stack is set up.
pub struct Options {
    /// 0 for any.
    pub port: u16,
    /// 0 for any.
    pub dynamodb_port: u16,
    /// Where the state is kept; none for memory only.
    pub data: Option<PathBuf>,
    /// What time it is at the start, if not that of the machine.
    pub clock: Option<Timestamp>,
    /// The wiring.
    pub template: PathBuf,
    /// Without the demo's merchants and secrets.
    pub empty: bool,
}

/// Where the stack is reached.
#[derive(Clone, Debug)]
pub struct Addresses {
    /// `http://127.0.0.1:PORT`
    pub base_url: String,
    /// The same for DynamoDB.
    pub dynamodb_url: String,
}

impl Addresses {
    /// What a function would find in its environment; `prefix` stands before every path.
    pub fn variables(&self, prefix: &str) -> BTreeMap<String, String> {
        let base = format!("{}{prefix}", self.base_url);
        let midtrans = format!("{base}/sandbox/midtrans");
        [
            ("AWS_REGION", REGION.to_owned()),
            ("AWS_ACCESS_KEY_ID", "local".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "local".to_owned()),
            (
                "AWS_ENDPOINT_URL_DYNAMODB",
                format!("{}{prefix}", self.dynamodb_url),
            ),
            ("AWS_ENDPOINT_URL_SSM", format!("{base}/sandbox/ssm")),
            (
                "AWS_ENDPOINT_URL_EVENTBRIDGE",
                format!("{base}/sandbox/events"),
            ),
            (
                "TELEGRAM_API_URL",
                format!("{base}/sandbox/api.telegram.org"),
            ),
            (
                "TELEGRAM_LINK_URL",
                format!("{}/sandbox/t.me", self.base_url),
            ),
            ("MIDTRANS_APP_URL", midtrans.clone()),
            ("MIDTRANS_API_URL", midtrans),
            (
                "MIDTRANS_SNAP_JS_URL",
                format!("{}/sandbox/midtrans/snap/snap.js", self.base_url),
            ),
            (
                "WHATSAPP_API_URL",
                format!("{base}/sandbox/graph.facebook.com"),
            ),
            ("TABLE_NAME", "pesan".to_owned()),
            ("PUBLIC_BASE_URL", self.base_url.clone()),
            ("PARAMETER_PREFIX", PARAMETER_PREFIX.to_owned()),
            ("EVENT_BUS_NAME", EVENT_BUS.to_owned()),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
    }

    /// The stack's AWS, for the stack's own use.
    pub fn aws(&self, http: reqwest::Client) -> Aws {
        Aws {
            http,
            region: REGION.to_owned(),
            credentials: Credentials::new("local", "local", None, None, "local"),
            dynamodb_endpoint: Some(self.dynamodb_url.clone()),
            ssm_endpoint: Some(format!("{}/sandbox/ssm", self.base_url)),
            eventbridge_endpoint: None,
        }
    }
}

/// Starts everything; what it returns answers when this does.
pub async fn start(options: Options) -> anyhow::Result<Addresses> {
    let mut template = Template::read(&options.template)?;
    let listener = bind(options.port).await?;
    let dynamodb_listener = bind(options.dynamodb_port).await?;
    let addresses = Addresses {
        base_url: format!("http://{}", listener.local_addr()?),
        dynamodb_url: format!("http://{}", dynamodb_listener.local_addr()?),
    };
    if let Some(data) = &options.data {
        std::fs::create_dir_all(data)
            .with_context(|| format!("{} cannot be made", data.display()))?;
    }
    let file = |name: &str| options.data.as_ref().map(|data| data.join(name));
    let clock = Turnable::open(file("clock"));
    if let Some(instant) = options.clock {
        clock.set(instant)?;
    }
    let environments = Environments::new(clock.clock());
    let sandbox = Sandbox::open(SandboxOptions {
        base_url: addresses.base_url.clone(),
        clock_offset_millis: clock.offset(),
        state_file: file("sandbox.json"),
    })?;

    let database = database::open(options.data.as_deref(), &template.table)?;
    let (wire, activity) = (sandbox.wire(), Activity::default());
    let door = Door {
        http: pesan_adapters::http::client()?,
        upstream: database.serve().await?,
        writes: Writes::default(),
        activity: activity.clone(),
    };
    let writes = door.writes.clone();
    let door = wire.guard("dynamodb", door.router());
    server::spawn(dynamodb_listener, door.clone(), environments.clone());

    let parameters = Parameters::open(file("parameters.json"));
    deploy_parameters(&template, &addresses, &parameters)?;
    let pools = Arc::new(pools(&template, &addresses, &environments)?);
    let parts = Parts {
        messaging: std::mem::take(&mut template.messaging),
        pools: Arc::clone(&pools),
        database: database.clone(),
        writes,
        wire: wire.clone(),
        clock: clock.clone(),
        activity,
    };
    // What waits since the last run goes on at once, and calls the outside at these addresses: the
    // listener takes the calls in until it is served.
    let path = MessagePath::start(parts, file)?;
    let handles = Handles {
        clock: clock.clone(),
        sandbox: sandbox.clone(),
        environments: environments.clone(),
        path: path.clone(),
        database,
        turning: Arc::default(),
    };
    let router = sandbox
        .router()
        .merge(handles.clone().router())
        .nest_service("/sandbox/ssm", wire.guard("ssm", parameters.router()))
        .nest_service(
            "/sandbox/events",
            wire.guard("eventbridge", path.bus.router()),
        )
        // For the operator's command line, which is given one address.
        .nest_service("/sandbox/dynamodb", door)
        .fallback_service(functions(template, pools, clock.clone()));
    server::spawn(listener, router, environments);
    if !options.empty {
        seed::seed(&addresses, &sandbox, clock.clock()).await?;
        wire.begin_journals();
    }
    handles.spawn_ticker();
    Ok(addresses)
}

async fn bind(port: u16) -> anyhow::Result<TcpListener> {
    TcpListener::bind(("127.0.0.1", port))
        .await
        .with_context(|| format!("port {port} is taken; give another one, or 0 for any"))
}

/// Every function of the template.
fn pools(
    template: &Template,
    addresses: &Addresses,
    environments: &Environments,
) -> anyhow::Result<BTreeMap<String, Pool>> {
    let mut pools = BTreeMap::new();
    for (id, function) in &template.functions {
        ensure!(
            is_known(&function.binary),
            "{id} runs {}, which the local stack does not have",
            function.binary
        );
        pools.insert(id.clone(), pool(id, function, addresses, environments)?);
    }
    Ok(pools)
}

/// Every path that is not the sandbox's, as the template leads it.
fn functions(template: Template, pools: Arc<BTreeMap<String, Pool>>, clock: Turnable) -> Router {
    let template = Arc::new(template);
    Router::new().fallback(move |request: Request<Body>| {
        let (template, pools, clock) = (Arc::clone(&template), Arc::clone(&pools), clock.clone());
        async move {
            let function = template.function_at(request.uri().path());
            match function.and_then(|id| pools.get(id)) {
                Some(pool) => edge::pass(pool, clock.now(), request).await,
                None => (
                    StatusCode::NOT_FOUND,
                    "the template leads this path nowhere",
                )
                    .into_response(),
            }
        }
    })
}

fn pool(
    id: &str,
    function: &Function,
    addresses: &Addresses,
    environments: &Environments,
) -> anyhow::Result<Pool> {
    let mut own = BTreeMap::new();
    for (name, value) in &function.environment {
        own.insert(
            name.clone(),
            resolved(id, &format!("the variable {name}"), value, addresses)?,
        );
    }
    let addresses = addresses.clone();
    Ok(environments.pool(&function.binary, move |number| {
        let mut variables = addresses.variables(&format!("{ENVIRONMENT_PREFIX}{number}"));
        // What the deployment would give and the stack gives in its place is the template's word:
        // a variable that it does not name is not there.
        for name in [
            "TABLE_NAME",
            "PUBLIC_BASE_URL",
            "PARAMETER_PREFIX",
            "EVENT_BUS_NAME",
        ] {
            variables.remove(name);
        }
        variables.extend(own.clone());
        variables.into_iter().collect::<Env>()
    }))
}

/// What CloudFormation would write into the Parameter Store.
fn deploy_parameters(
    template: &Template,
    addresses: &Addresses,
    parameters: &Parameters,
) -> anyhow::Result<()> {
    for parameter in &template.parameters {
        let id = &parameter.id;
        let name = resolved(id, "Name", &parameter.name, addresses)?;
        let value = resolved(id, "Value", &parameter.value, addresses)?;
        parameters.put(name, value)?;
    }
    Ok(())
}

/// A text of the template, or a reference in it; `what` says where it stands.
fn resolved(id: &str, what: &str, value: &Value, addresses: &Addresses) -> anyhow::Result<String> {
    let text = value.as_str().map(str::to_owned);
    let reference = |name: &str| match name {
        "Table" => Some("pesan".to_owned()),
        "EventBus" => Some(EVENT_BUS.to_owned()),
        "PublicBaseUrl" => Some(addresses.base_url.clone()),
        "ParameterPrefix" => Some(PARAMETER_PREFIX.to_owned()),
        "TopUpSeller" => Some("demo".to_owned()),
        "AWS::StackName" => Some("local".to_owned()),
        _ => None,
    };
    let of = |name: &str| value.get(name).and_then(Value::as_str);
    text.or_else(|| of("Ref").and_then(reference))
        .or_else(|| of("Fn::Sub").and_then(|text| substituted(text, reference)))
        .with_context(|| format!("{id}: {what} is {value}, which the local stack cannot resolve"))
}

/// `text` with every `${Name}` in it replaced; none where one is not known.
fn substituted(text: &str, reference: impl Fn(&str) -> Option<String>) -> Option<String> {
    let (before, rest) = match text.split_once("${") {
        Some(parts) => parts,
        None => return Some(text.to_owned()),
    };
    let (name, after) = rest.split_once('}')?;
    let (value, after) = (reference(name)?, substituted(after, reference)?);
    Some(format!("{before}{value}{after}"))
}
