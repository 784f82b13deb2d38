//! What every function has, and what each may do.

use serde_json::{Value, json};

use super::Resources;

/// What the template must say of one function.
pub(super) struct Function {
    /// Its logical id without `Function`; its log group and alarms begin with it.
    pub prefix: &'static str,
    /// The binary, which also names its log group, alarms and metrics.
    pub binary: &'static str,
    /// Actions on the table, each with the partitions they may reach.
    grants: &'static [(&'static [&'static str], &'static [&'static str])],
    /// Parameters it may read, below the prefix.
    secrets: &'static [&'static str],
    /// How many answers of 5xx in five minutes are an alarm.
    pub most_5xx: u8,
}

const READ: &[&str] = &["dynamodb:BatchGetItem", "dynamodb:Query"];
const TELEGRAM_TOKEN: &str = "merchants/*/telegram-token";
const TELEGRAM_WEBHOOK_SECRET: &str = "merchants/*/telegram-webhook-secret";
const MIDTRANS_SERVER_KEY: &str = "merchants/*/midtrans-server-key";
const LINK_KEY: &str = "link-key";
const CONTACT_KEY: &str = "contact-key";
const WHATSAPP_APP_SECRET: &str = "whatsapp-app-secret";
const WHATSAPP_VERIFY_TOKEN: &str = "whatsapp-verify-token";
const WHATSAPP_TOKEN: &str = "merchants/*/whatsapp-token";

/// Every function of the template. Nothing but the operator writes a merchant (`M#m`).
pub(super) const FUNCTIONS: [Function; 4] = [
    Function {
        prefix: "TelegramWebhook",
        binary: "telegram-webhook",
        grants: &[
            (READ, &["M#*"]),
            (
                &["dynamodb:PutItem"],
                &[
                    "M#*#CHAT#*",
                    "M#*#DAY#*",
                    "M#*#RSV#*",
                    "M#*#PAY#*",
                    "LINK#*",
                ],
            ),
        ],
        secrets: &[
            TELEGRAM_TOKEN,
            TELEGRAM_WEBHOOK_SECRET,
            MIDTRANS_SERVER_KEY,
            LINK_KEY,
        ],
        most_5xx: 3,
    },
    Function {
        prefix: "MidtransNotification",
        binary: "midtrans-notification",
        grants: &[
            (READ, &["M#*"]),
            (
                &["dynamodb:DeleteItem", "dynamodb:PutItem"],
                &["M#*#DAY#*", "M#*#RSV#*", "M#*#PAY#*", "M#*#WAIT#*"],
            ),
        ],
        secrets: &[MIDTRANS_SERVER_KEY, TELEGRAM_TOKEN, LINK_KEY],
        most_5xx: 1,
    },
    Function {
        prefix: "Web",
        binary: "web",
        grants: &[
            (&["dynamodb:BatchGetItem"], &["M#*", "LINK#*"]),
            (&["dynamodb:Query"], &["M#*"]),
            (&["dynamodb:PutItem"], &["M#*#RSV#*", "M#*#PAY#*"]),
        ],
        secrets: &[MIDTRANS_SERVER_KEY, LINK_KEY],
        most_5xx: 3,
    },
    Function {
        prefix: "WhatsAppWebhook",
        binary: "whatsapp-webhook",
        grants: &[
            (&["dynamodb:BatchGetItem"], &["M#*", "WA#*"]),
            (&["dynamodb:PutItem"], &["M#*#PHONE#*", "M#*#TEMPLATES"]),
        ],
        secrets: &[
            WHATSAPP_APP_SECRET,
            WHATSAPP_VERIFY_TOKEN,
            CONTACT_KEY,
            WHATSAPP_TOKEN,
        ],
        most_5xx: 3,
    },
];

/// What all functions have in common.
pub(super) fn shared() -> Value {
    json!({
        "CodeUri": ".",
        "Handler": "bootstrap",
        "Runtime": "provided.al2023",
        "Architectures": [{"Ref": "Architecture"}],
        "MemorySize": 256,
        "Timeout": 15,
        "ReservedConcurrentExecutions": {"Fn::If": [
            "ReservesConcurrency", {"Ref": "ReservedConcurrency"}, {"Ref": "AWS::NoValue"},
        ]},
        "LoggingConfig": {"LogFormat": "JSON"},
        "Environment": {"Variables": {
            "TABLE_NAME": {"Ref": "Table"},
            "PUBLIC_BASE_URL": {"Ref": "PublicBaseUrl"},
            "PARAMETER_PREFIX": {"Ref": "ParameterPrefix"},
        }},
    })
}

pub(super) fn expect(expected: &mut Resources) {
    for function in &FUNCTIONS {
        let prefix = function.prefix;
        expected.insert(format!("{prefix}Function"), resource(function));
        expected.insert(format!("{prefix}LogGroup"), log_group(function.binary));
    }
}

fn resource(function: &Function) -> Value {
    json!({
        "Type": "AWS::Serverless::Function",
        "Metadata": {
            "BuildMethod": "rust-cargolambda",
            "BuildProperties": {"Binary": function.binary},
        },
        "Properties": {
            // The vendors cannot sign for IAM. A literal: nothing can turn it into another word.
            "FunctionUrlConfig": {"AuthType": "NONE", "InvokeMode": "BUFFERED"},
            "LoggingConfig": {"LogGroup": {"Ref": format!("{}LogGroup", function.prefix)}},
            "Policies": [{"Version": "2012-10-17", "Statement": statements(function)}],
        },
    })
}

fn statements(function: &Function) -> Vec<Value> {
    let grant = |(actions, keys): &(&[&str], &[&str])| {
        json!({
            "Effect": "Allow",
            "Action": one_or_all(actions),
            "Resource": {"Fn::GetAtt": "Table.Arn"},
            "Condition": {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": keys}},
        })
    };
    let secret = |name: &&str| {
        let store = "arn:${AWS::Partition}:ssm:${AWS::Region}:${AWS::AccountId}:parameter";
        json!({"Fn::Sub": format!("{store}${{ParameterPrefix}}/{name}")})
    };
    let mut statements: Vec<Value> = function.grants.iter().map(grant).collect();
    statements.push(json!({
        "Effect": "Allow",
        "Action": "ssm:GetParameters",
        "Resource": function.secrets.iter().map(secret).collect::<Vec<_>>(),
    }));
    statements
}

fn one_or_all(actions: &[&str]) -> Value {
    match actions {
        [action] => json!(action),
        actions => json!(actions),
    }
}

fn log_group(binary: &str) -> Value {
    json!({
        "Type": "AWS::Logs::LogGroup",
        "DeletionPolicy": "Delete",
        "UpdateReplacePolicy": "Delete",
        "Properties": {
            "LogGroupName": {"Fn::Sub": format!("/pesan/${{AWS::StackName}}/{binary}")},
            "RetentionInDays": {"Ref": "LogRetentionDays"},
        },
    })
}
