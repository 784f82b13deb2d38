//! Finding the deployment that a command is meant for.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;

use anyhow::Context as _;
use aws_credential_types::Credentials;
use jiff::Timestamp;
use pesan_adapters::aws::Aws;
use pesan_adapters::clock::Clock;
use pesan_adapters::secrets::{Parameters, SecretError};
use pesan_lambda::Env;
use pesan_service::{App, Config};
use secrecy::ExposeSecret as _;
use serde_json::Value;

use crate::arguments::Arguments;

/// Where the template notes the table's name and the public address.
const TABLE_NAME: &str = "deployment/table-name";
const PUBLIC_BASE_URL: &str = "deployment/public-base-url";
/// And who is paid for top-ups, where anybody is.
const TOP_UP_SELLER: &str = "deployment/top-up-seller";

/// The clients of the deployment at the given prefix, or of the local stack.
pub async fn connect(arguments: &Arguments) -> anyhow::Result<App> {
    let endpoint = arguments.endpoint.as_deref().filter(|url| !url.is_empty());
    let mut variables = match endpoint {
        Some(endpoint) => local(endpoint.trim_end_matches('/')),
        None => of_process()?,
    };
    let prefix = match (&arguments.prefix, endpoint) {
        (Some(prefix), _) => prefix.clone(),
        (None, Some(_)) => "/pesan/local".to_owned(),
        (None, None) => Env::from_process()
            .get("PESAN_PREFIX")
            .context(
                "which deployment? Give --prefix or PESAN_PREFIX, such as /pesan/prod; for a \
                 local stack --endpoint or PESAN_ENDPOINT",
            )?
            .to_owned(),
    };
    let clock = match endpoint {
        Some(endpoint) => clock_of(endpoint.trim_end_matches('/')).await?,
        None => Clock::system(),
    };
    let noted = noted(&variables, &prefix).await?;
    variables.extend([
        ("PARAMETER_PREFIX", prefix),
        ("TABLE_NAME", noted.table),
        ("PUBLIC_BASE_URL", noted.base_url),
    ]);
    let own = Env::from_process();
    let seller = own.optional("TOP_UP_SELLER").map(str::to_owned);
    variables.extend(
        seller
            .or(noted.top_up_seller)
            .map(|id| ("TOP_UP_SELLER", id)),
    );
    let config = Config::read(|name| variables.get(name).cloned())?;
    Ok(App::new(&config, clock)?)
}

/// The local stack's clock, which may have been turned.
async fn clock_of(endpoint: &str) -> anyhow::Result<Clock> {
    let answer = pesan_adapters::http::client()?
        .get(format!("{endpoint}/sandbox/clock"))
        .send()
        .await
        .with_context(|| format!("no local stack answers at {endpoint}: `cargo run` starts one"))?;
    let answer: Value = answer
        .json()
        .await
        .with_context(|| format!("what answers at {endpoint} is no local stack"))?;
    let now: Timestamp = answer
        .get("now")
        .and_then(Value::as_str)
        .context("the local stack does not say what time it is")?
        .parse()?;
    let offset = now.duration_since(Clock::system().now()).as_millis();
    Ok(Clock::turnable(Arc::new(AtomicI64::new(i64::try_from(
        offset,
    )?))))
}

/// Region and credentials as `aws configure export-credentials` sets them.
fn of_process() -> anyhow::Result<BTreeMap<&'static str, String>> {
    let env = Env::from_process();
    let mut variables = BTreeMap::new();
    for name in ["AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] {
        let value = env.get(name).with_context(|| {
            "AWS is reached as the environment says: export AWS_REGION, and eval \"$(aws configure \
             export-credentials --format env)\" for the credentials"
        })?;
        variables.insert(name, value.to_owned());
    }
    if let Some(token) = env.optional("AWS_SESSION_TOKEN") {
        variables.insert("AWS_SESSION_TOKEN", token.to_owned());
    }
    Ok(variables)
}

fn local(endpoint: &str) -> BTreeMap<&'static str, String> {
    BTreeMap::from([
        ("AWS_REGION", "ap-southeast-3".to_owned()),
        ("AWS_ACCESS_KEY_ID", "local".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "local".to_owned()),
        (
            "AWS_ENDPOINT_URL_DYNAMODB",
            format!("{endpoint}/sandbox/dynamodb"),
        ),
        ("AWS_ENDPOINT_URL_SSM", format!("{endpoint}/sandbox/ssm")),
        (
            "TELEGRAM_API_URL",
            format!("{endpoint}/sandbox/api.telegram.org"),
        ),
        (
            "WHATSAPP_API_URL",
            format!("{endpoint}/sandbox/graph.facebook.com"),
        ),
        ("MIDTRANS_APP_URL", format!("{endpoint}/sandbox/midtrans")),
        ("MIDTRANS_API_URL", format!("{endpoint}/sandbox/midtrans")),
    ])
}

/// What the template noted of the deployment.
struct Noted {
    table: String,
    base_url: String,
    top_up_seller: Option<String>,
}

async fn noted(variables: &BTreeMap<&'static str, String>, prefix: &str) -> anyhow::Result<Noted> {
    let variable = |name| variables.get(name).cloned();
    let needed = |name| variable(name).unwrap_or_default();
    let aws = Aws {
        region: needed("AWS_REGION"),
        credentials: Credentials::new(
            needed("AWS_ACCESS_KEY_ID"),
            needed("AWS_SECRET_ACCESS_KEY"),
            variable("AWS_SESSION_TOKEN"),
            None,
            "environment",
        ),
        http: pesan_adapters::http::client()?,
        dynamodb_endpoint: None,
        ssm_endpoint: variable("AWS_ENDPOINT_URL_SSM"),
        eventbridge_endpoint: None,
    };
    let parameters = Parameters::new(aws.ssm(), prefix, Clock::system());
    let found = async |name| match parameters.get(name).await {
        Ok(value) => Ok(Some(value.expose_secret().to_owned())),
        Err(SecretError::Missing(_)) => Ok(None),
        Err(error) => Err(anyhow::anyhow!(
            "{error}: is it there, and may you read it?"
        )),
    };
    let nowhere = || {
        format!(
            "no deployment is noted at {prefix} in {}: deploy it first, or give another --prefix",
            aws.region
        )
    };
    Ok(Noted {
        table: found(TABLE_NAME).await?.with_context(nowhere)?,
        base_url: found(PUBLIC_BASE_URL).await?.with_context(nowhere)?,
        top_up_seller: found(TOP_UP_SELLER).await?,
    })
}
