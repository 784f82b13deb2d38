//! What a deployment must keep, said once more and apart from the template: every resource is
//! compared with what is expected of it, and nothing may stand there that is not expected.

mod alarms;
mod edge;
mod everywhere;
mod functions;
mod messaging;

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// What only a person reads: AWS does nothing by it, so any words will do, and none.
const FREE_TEXT: [&str; 4] = [
    "AssertDescription",
    "ConstraintDescription",
    "Description",
    "Sid",
];
/// What is judged by its content and not by an equation.
const JUDGED_APART: [&str; 2] = ["AlarmDescription", "DashboardBody"];

type Resources = BTreeMap<String, Value>;

/// What is expected, made once.
pub(super) struct Rules {
    template: Value,
    dashboard: Vec<String>,
}

impl Rules {
    pub(super) fn new() -> Self {
        let mut resources = Resources::new();
        functions::expect(&mut resources);
        edge::expect(&mut resources);
        messaging::expect(&mut resources);
        alarms::expect(&mut resources);
        resources.insert("Table".to_owned(), table());
        expect_parameters(&mut resources);
        Self {
            template: whole(&resources),
            dashboard: alarms::on_the_dashboard(),
        }
    }

    /// Whether nothing is wrong with it: as [`Rules::problems`], and done at the first that is.
    pub(super) fn are_kept_by(&self, template: &Value) -> bool {
        self.differences(template).is_empty() && self.problems(template).is_empty()
    }

    fn differences(&self, template: &Value) -> Vec<String> {
        let mut found = Vec::new();
        compare(&Place::Root, &self.template, template, &mut found);
        found
    }

    /// Everything that is wrong with a template.
    pub(super) fn problems(&self, template: &Value) -> Vec<String> {
        let mut found = self.differences(template);
        alarms::judge(template, &self.dashboard, &mut found);
        everywhere::judge(template, &mut found);
        found
    }
}

/// Where something stands, written out only where something is wrong.
enum Place<'a> {
    Root,
    Field(&'a Place<'a>, &'a str),
    Item(&'a Place<'a>, usize),
}

impl std::fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Root => Ok(()),
            Self::Field(parent, key) => write!(f, "{parent}/{key}"),
            Self::Item(parent, n) => write!(f, "{parent}/{n}"),
        }
    }
}

fn whole(resources: &Resources) -> Value {
    json!({
        "AWSTemplateFormatVersion": "2010-09-09",
        "Transform": "AWS::Serverless-2016-10-31",
        "Parameters": parameters(),
        "Rules": {"DomainAndCertificate": {"Assertions": [{"Assert": {"Fn::Or": [
            {"Fn::And": [is_empty("DomainName"), is_empty("CertificateArn")]},
            {"Fn::And": [is_given("DomainName"), is_given("CertificateArn")]},
        ]}}]}},
        "Conditions": {
            "HasDomain": is_given("DomainName"),
            "HasAlarmEmail": is_given("AlarmEmail"),
            "ReservesConcurrency":
                {"Fn::Not": [{"Fn::Equals": [{"Ref": "ReservedConcurrency"}, "0"]}]},
            "SellsTopUps": is_given("TopUpSeller"),
        },
        "Globals": {"Function": functions::shared()},
        "Resources": resources,
        "Outputs": {
            "EventBusName": {"Value": {"Ref": "EventBus"}},
            "DistributionDomainName": {"Value": {"Fn::GetAtt": "Distribution.DomainName"}},
            "TableName": {"Value": {"Ref": "Table"}},
        },
    })
}

fn is_empty(parameter: &str) -> Value {
    json!({"Fn::Equals": [{"Ref": parameter}, ""]})
}

fn is_given(parameter: &str) -> Value {
    json!({"Fn::Not": [is_empty(parameter)]})
}

fn parameters() -> Value {
    json!({
        "PublicBaseUrl": {
            "Type": "String",
            "AllowedPattern": "^https://[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$",
        },
        "DomainName": {
            "Type": "String", "Default": "",
            "AllowedPattern": "^([A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?)?$",
        },
        "CertificateArn": {
            "Type": "String", "Default": "",
            "AllowedPattern":
                "^(arn:[a-z-]+:acm:us-east-1:[0-9]{12}:certificate/[A-Za-z0-9-]+)?$",
        },
        "Architecture": {
            "Type": "String", "Default": "arm64", "AllowedValues": ["arm64", "x86_64"],
        },
        "ParameterPrefix": {
            "Type": "String", "Default": "/pesan/prod", "AllowedPattern": "^(/[A-Za-z0-9_.-]+)+$",
        },
        "LogRetentionDays": {
            "Type": "Number", "Default": 30,
            "AllowedValues": [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731],
        },
        "AlarmEmail": {"Type": "String", "Default": "", "AllowedPattern": "^([^@ ]+@[^@ ]+)?$"},
        "ReservedConcurrency": {"Type": "Number", "Default": 0, "MinValue": 0},
        "TopUpSeller": {
            "Type": "String", "Default": "", "AllowedPattern": "^([a-z0-9-]{2,32})?$",
        },
    })
}

/// It holds who has paid: it outlives its stack, every minute of it can be had back, and no row
/// of it is lost to a slip of the hand.
fn table() -> Value {
    let text = |name: &str| json!({"AttributeName": name, "AttributeType": "S"});
    let keys = |hash: &str, range: &str| {
        json!([
            {"AttributeName": hash, "KeyType": "HASH"},
            {"AttributeName": range, "KeyType": "RANGE"},
        ])
    };
    json!({
        "Type": "AWS::DynamoDB::Table",
        "DeletionPolicy": "Retain",
        "UpdateReplacePolicy": "Retain",
        "Properties": {
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [text("PK"), text("SK"), text("GSI1PK"), text("GSI1SK")],
            "KeySchema": keys("PK", "SK"),
            "GlobalSecondaryIndexes": [{
                "IndexName": "GSI1",
                "KeySchema": keys("GSI1PK", "GSI1SK"),
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            }],
            "TimeToLiveSpecification": {"AttributeName": "expires_at", "Enabled": true},
            "StreamSpecification": {"StreamViewType": "NEW_IMAGE"},
            "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": true},
            "SSESpecification": {"SSEEnabled": true},
            "DeletionProtectionEnabled": true,
        },
    })
}

/// By these the operator's command line finds the deployment.
fn expect_parameters(expected: &mut Resources) {
    for (id, name, of) in [
        ("TableNameParameter", "table-name", "Table"),
        ("PublicBaseUrlParameter", "public-base-url", "PublicBaseUrl"),
        ("TopUpSellerParameter", "top-up-seller", "TopUpSeller"),
    ] {
        let mut parameter = json!({"Type": "AWS::SSM::Parameter", "Properties": {
            "Name": {"Fn::Sub": format!("${{ParameterPrefix}}/deployment/{name}")},
            "Type": "String",
            "Value": {"Ref": of},
        }});
        if of == "TopUpSeller" {
            parameter["Condition"] = json!("SellsTopUps");
        }
        expected.insert(id.to_owned(), parameter);
    }
}

/// Only where it is a text: a resource may bear such a name.
pub(super) fn is_free_text(key: &str, value: &Value) -> bool {
    FREE_TEXT.contains(&key) && value.is_string()
}

/// Every place where the template differs from what is expected, free text apart.
fn compare(place: &Place<'_>, expected: &Value, actual: &Value, found: &mut Vec<String>) {
    match (expected, actual) {
        (Value::Object(expected), Value::Object(actual)) => {
            for (key, value) in expected {
                let place = Place::Field(place, key);
                match actual.get(key) {
                    Some(there) => compare(&place, value, there, found),
                    None => found.push(format!("{place} is missing")),
                }
            }
            for (key, value) in actual
                .iter()
                .filter(|(key, _)| !expected.contains_key(*key))
            {
                if !is_free_text(key, value) && !JUDGED_APART.contains(&key.as_str()) {
                    found.push(format!("{place}/{key} has no rule"));
                }
            }
        }
        (Value::Array(expected), Value::Array(actual)) if expected.len() == actual.len() => {
            for (n, (expected, actual)) in expected.iter().zip(actual).enumerate() {
                compare(&Place::Item(place, n), expected, actual, found);
            }
        }
        _ if expected == actual => {}
        _ => found.push(format!("{place} is {actual} and not {expected}")),
    }
}
