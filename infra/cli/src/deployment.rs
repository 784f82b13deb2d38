//! Finding the deployment that a command is meant for.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;

use anyhow::{Context as _, bail};
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
    let (table, base_url) = noted(&variables, &prefix).await?;
    variables.extend([
        ("PARAMETER_PREFIX", prefix),
        ("TABLE_NAME", table),
        ("PUBLIC_BASE_URL", base_url),
    ]);
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
async fn noted(
    variables: &BTreeMap<&'static str, String>,
    prefix: &str,
) -> anyhow::Result<(String, String)> {
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
    let mut found = Vec::new();
    for name in [TABLE_NAME, PUBLIC_BASE_URL] {
        let value = parameters.get(name).await.map_err(|error| match error {
            SecretError::Missing(_) => anyhow::anyhow!(
                "no deployment is noted at {prefix} in {}: deploy it first, or give another \
                 --prefix",
                aws.region
            ),
            error => anyhow::anyhow!("{error}: is it there, and may you read it?"),
        })?;
        found.push(value.expose_secret().to_owned());
    }
    match found.as_slice() {
        [table, base_url] => Ok((table.clone(), base_url.clone())),
        _ => bail!("the deployment is noted by halves"),
    }
}
