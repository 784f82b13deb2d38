//! What `template.yaml` says about the wiring (DESIGN rule 11). What the local stack cannot honour
//! it refuses here, by name.

pub mod messaging;
#[cfg(test)]
mod rules;
#[cfg(test)]
mod tests;
pub mod timing;
mod yaml;

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, bail, ensure};
use serde_json::{Map, Value, json};

use messaging::Messaging;

/// The wiring, read once.
#[derive(Debug)]
pub struct Template {
    /// Path patterns in the order they are tried, each with the function behind it.
    pub routes: Vec<Route>,
    /// Functions by logical id.
    pub functions: BTreeMap<String, Function>,
    /// The request that makes the table, as `CreateTable` takes it.
    pub table: Value,
    /// What the deployment writes into the Parameter Store.
    pub parameters: Vec<Parameter>,
    /// Streams, the event bus, queues and schedules.
    pub messaging: Messaging,
}

/// A path pattern of the one domain and where it leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// As CloudFront reads it: `*` stands for any characters, `?` for one.
    pub pattern: String,
    /// The function's logical id.
    pub function: String,
}

/// A function as the template has it.
#[derive(Clone, Debug)]
pub struct Function {
    /// The binary it runs.
    pub binary: String,
    /// Its environment, references not resolved yet.
    pub environment: Map<String, Value>,
}

/// A parameter of the Parameter Store, references not resolved yet.
#[derive(Clone, Debug)]
pub struct Parameter {
    /// Its logical id.
    pub id: String,
    /// Its name.
    pub name: Value,
    /// What it holds.
    pub value: Value,
}

/// Kinds of resources that need nothing here.
const QUIET: [&str; 8] = [
    "AWS::Logs::LogGroup",
    "AWS::SQS::QueuePolicy",
    "AWS::CloudWatch::Alarm",
    "AWS::CloudWatch::Dashboard",
    "AWS::SNS::Topic",
    "AWS::SNS::TopicPolicy",
    "AWS::SNS::Subscription",
    "AWS::CloudFront::Distribution",
];

impl Template {
    /// Reads the file.
    ///
    /// # Errors
    /// Says what cannot be read or honoured, by its name in the template.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("{} cannot be read", path.display()))?;
        Self::parse(&text).with_context(|| format!("{} cannot be honoured", path.display()))
    }

    fn parse(text: &str) -> anyhow::Result<Self> {
        let template = yaml::read(text)?;
        let resources = template
            .get("Resources")
            .and_then(Value::as_object)
            .context("there are no Resources")?;
        let shared = template
            .pointer("/Globals/Function/Environment/Variables")
            .and_then(Value::as_object);
        let mut functions = BTreeMap::new();
        let mut table = None;
        let mut parameters = Vec::new();
        let mut messaging = Messaging::default();
        for (id, resource) in resources {
            let kind = resource.get("Type").and_then(Value::as_str);
            let properties = resource.get("Properties").unwrap_or(&Value::Null);
            match kind.unwrap_or_default() {
                "AWS::Serverless::Function" => {
                    functions.insert(id.clone(), function(id, resource, shared)?);
                    messaging.take_function(id, properties)?;
                }
                "AWS::DynamoDB::Table" => {
                    ensure!(table.is_none(), "{id} is a second table");
                    table = Some(create_table(id, resource)?);
                }
                "AWS::SSM::Parameter" => parameters.push(parameter(id, resource)?),
                kind if QUIET.contains(&kind) => {}
                kind if messaging
                    .take(id, kind, properties)
                    .with_context(|| id.clone())? => {}
                kind => bail!("{id} is a {kind}, which the local stack does not have"),
            }
        }
        messaging.check()?;
        let routes = routes(resources, &functions)?;
        Ok(Self {
            routes,
            functions,
            table: table.context("there is no AWS::DynamoDB::Table")?,
            parameters,
            messaging,
        })
    }

    /// The function behind a path.
    pub fn function_at(&self, path: &str) -> Option<&str> {
        self.routes
            .iter()
            .find(|route| matches(&route.pattern, path))
            .map(|route| route.function.as_str())
    }
}

fn function(
    id: &str,
    resource: &Value,
    shared: Option<&Map<String, Value>>,
) -> anyhow::Result<Function> {
    let binary = resource
        .pointer("/Metadata/BuildProperties/Binary")
        .and_then(Value::as_str)
        .with_context(|| format!("{id} has no Metadata.BuildProperties.Binary"))?;
    let mut environment = shared.cloned().unwrap_or_default();
    let own = resource
        .pointer("/Properties/Environment/Variables")
        .and_then(Value::as_object);
    environment.extend(own.cloned().unwrap_or_default());
    Ok(Function {
        binary: binary.to_owned(),
        environment,
    })
}

fn parameter(id: &str, resource: &Value) -> anyhow::Result<Parameter> {
    let property = |name: &str| {
        resource
            .pointer(&format!("/Properties/{name}"))
            .cloned()
            .with_context(|| format!("{id} has no {name}"))
    };
    let kind = property("Type")?;
    // CloudFormation writes no SecureString, and nothing here reads a list.
    ensure!(kind == "String", "{id} is a parameter of the type {kind}");
    Ok(Parameter {
        id: id.to_owned(),
        name: property("Name")?,
        value: property("Value")?,
    })
}

fn create_table(id: &str, resource: &Value) -> anyhow::Result<Value> {
    let properties = resource
        .get("Properties")
        .with_context(|| format!("{id} has no Properties"))?;
    let property = |name: &str| {
        properties
            .get(name)
            .cloned()
            .with_context(|| format!("{id} has no {name}"))
    };
    let mut request = json!({
        "TableName": "pesan",
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": property("AttributeDefinitions")?,
        "KeySchema": property("KeySchema")?,
    });
    if let Some(fields) = request.as_object_mut() {
        if let Some(indexes) = properties.get("GlobalSecondaryIndexes") {
            fields.insert("GlobalSecondaryIndexes".to_owned(), indexes.clone());
        }
        if let Some(view) = properties.pointer("/StreamSpecification/StreamViewType") {
            let stream = json!({"StreamEnabled": true, "StreamViewType": view});
            fields.insert("StreamSpecification".to_owned(), stream);
        }
    }
    Ok(request)
}

/// Routes are CloudFront's: behaviour → origin → function URL → function.
fn routes(
    resources: &Map<String, Value>,
    functions: &BTreeMap<String, Function>,
) -> anyhow::Result<Vec<Route>> {
    let (id, distribution) = resources
        .iter()
        .find(|(_, resource)| {
            resource.get("Type").and_then(Value::as_str) == Some("AWS::CloudFront::Distribution")
        })
        .context("there is no AWS::CloudFront::Distribution, so no path leads anywhere")?;
    let config = distribution
        .pointer("/Properties/DistributionConfig")
        .with_context(|| format!("{id} has no DistributionConfig"))?;
    let list = |name: &str| config.get(name).and_then(Value::as_array);
    let mut origins = BTreeMap::new();
    for origin in list("Origins").into_iter().flatten() {
        let name = text(origin, "Id", id)?;
        let url = origin
            .pointer("/DomainName/Fn::Select/1/Fn::Split/1/Fn::GetAtt")
            .and_then(Value::as_str)
            .and_then(|attribute| attribute.strip_suffix("Url.FunctionUrl"))
            .with_context(|| format!("the origin {name} is not the host of a function URL"))?;
        ensure!(
            functions.contains_key(url),
            "the origin {name} leads to {url}, which is not in the template"
        );
        origins.insert(name, url.to_owned());
    }
    let target = |behaviour: &Value| {
        let name = text(behaviour, "TargetOriginId", id)?;
        origins
            .get(&name)
            .cloned()
            .with_context(|| format!("a behaviour leads to {name}, which is no origin"))
    };
    let mut routes = Vec::new();
    for behaviour in list("CacheBehaviors").into_iter().flatten() {
        routes.push(Route {
            pattern: text(behaviour, "PathPattern", id)?,
            function: target(behaviour)?,
        });
    }
    if let Some(behaviour) = config.get("DefaultCacheBehavior") {
        routes.push(Route {
            pattern: "*".to_owned(),
            function: target(behaviour)?,
        });
    }
    Ok(routes)
}

fn text(object: &Value, field: &str, of: &str) -> anyhow::Result<String> {
    object
        .get(field)
        .and_then(Value::as_str)
        .map(str::to_owned)
        .with_context(|| format!("something in {of} has no {field}"))
}

/// Whether CloudFront's pattern takes the path; it tells upper from lower case.
fn matches(pattern: &str, path: &str) -> bool {
    // Where the pattern's star was last met, and what of the path it had taken by then.
    let (pattern, path) = (pattern.as_bytes(), path.as_bytes());
    let (mut p, mut t) = (0_usize, 0_usize);
    let mut star: Option<(usize, usize)> = None;
    while let Some(byte) = path.get(t) {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, t));
                p = p.saturating_add(1);
            }
            Some(letter) if letter == byte || *letter == b'?' => {
                p = p.saturating_add(1);
                t = t.saturating_add(1);
            }
            _ => match star {
                Some((at, taken)) => {
                    star = Some((at, taken.saturating_add(1)));
                    p = at.saturating_add(1);
                    t = taken.saturating_add(1);
                }
                None => return false,
            },
        }
    }
    pattern
        .get(p..)
        .is_none_or(|rest| rest.iter().all(|byte| *byte == b'*'))
}
