//! What every function has, and what each may do.

use serde_json::{Value, json};

use super::{Resources, messaging};

/// What the template must say of one function.
pub(super) struct Function {
    /// Its logical id without `Function`; its log group and alarms begin with it.
    pub prefix: &'static str,
    /// The binary, which also names its log group, alarms and metrics.
    pub binary: &'static str,
    /// Actions on the table, each with the partitions they may reach.
    grants: &'static [(&'static [&'static str], &'static [&'static str])],
    /// Partitions of the index that it may query.
    index: &'static [&'static str],
    /// Parameters it may read, below the prefix.
    secrets: &'static [&'static str],
    /// What it is called by.
    pub called_by: Caller,
}

/// What calls a function.
#[derive(Clone, Copy)]
pub(super) enum Caller {
    /// The one domain. So many answers of 5xx in five minutes are an alarm.
    Url { most_5xx: u8 },
    /// The table's stream; what it gets goes to the bus.
    Stream,
    /// The queues.
    Queues,
    /// A clock.
    Schedule,
    /// Clocks that begin runs, and the queue of what goes on.
    Runs,
}

impl Function {
    /// Whether it has an address.
    pub fn has_url(&self) -> bool {
        matches!(self.called_by, Caller::Url { .. })
    }

    /// How many milliseconds the slowest of a hundred may take: a person waits for an answer; an
    /// event waits for none, but may not run out of time.
    pub fn slow_after(&self) -> u32 {
        match self.called_by {
            Caller::Url { .. } => 2_000,
            Caller::Stream | Caller::Queues | Caller::Schedule => 10_000,
            Caller::Runs => 50_000,
        }
    }
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
pub(super) const FUNCTIONS: [Function; 9] = [
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
                    "M#*#SUB#*",
                    "LINK#*",
                    "DUE#*",
                ],
            ),
        ],
        index: &[],
        secrets: &[
            TELEGRAM_TOKEN,
            TELEGRAM_WEBHOOK_SECRET,
            MIDTRANS_SERVER_KEY,
            LINK_KEY,
        ],
        called_by: Caller::Url { most_5xx: 3 },
    },
    Function {
        prefix: "MidtransNotification",
        binary: "midtrans-notification",
        grants: &[
            (READ, &["M#*"]),
            (
                &[
                    "dynamodb:DeleteItem",
                    "dynamodb:PutItem",
                    "dynamodb:UpdateItem",
                ],
                &[
                    "M#*#DAY#*",
                    "M#*#RSV#*",
                    "M#*#PAY#*",
                    "M#*#BILL#*",
                    "M#*#WAIT#*",
                    "M#*#BALANCE",
                    "M#*#LEDGER#*",
                    "MSG#*",
                    "OUTBOX#*",
                    "DUE#*",
                ],
            ),
        ],
        index: &[],
        secrets: &[MIDTRANS_SERVER_KEY, CONTACT_KEY],
        called_by: Caller::Url { most_5xx: 1 },
    },
    Function {
        prefix: "Web",
        binary: "web",
        grants: &[
            (&["dynamodb:BatchGetItem"], &["M#*", "LINK#*"]),
            (&["dynamodb:Query"], &["M#*"]),
            (
                &["dynamodb:PutItem"],
                &["M#*#RSV#*", "M#*#PAY#*", "M#*#BILL#*", "DUE#*"],
            ),
        ],
        index: &[],
        secrets: &[MIDTRANS_SERVER_KEY, LINK_KEY],
        called_by: Caller::Url { most_5xx: 3 },
    },
    Function {
        prefix: "OutboxRelay",
        binary: "outbox-relay",
        grants: &[(&["dynamodb:BatchWriteItem"], &["OUTBOX#*"])],
        index: &[],
        secrets: &[],
        called_by: Caller::Stream,
    },
    Function {
        prefix: "MessageSender",
        binary: "message-sender",
        grants: &[
            (&["dynamodb:BatchGetItem"], &["MSG#*", "M#*"]),
            (
                &[
                    "dynamodb:DeleteItem",
                    "dynamodb:PutItem",
                    "dynamodb:UpdateItem",
                ],
                &[
                    "MSG#*",
                    "DUE#*",
                    "OUTBOX#*",
                    "M#*#CHAT#*",
                    "M#*#PHONE#*",
                    "M#*#CHANNEL#*",
                    "M#*#TEMPLATES",
                    "M#*#WAIT#*",
                    "M#*#BALANCE",
                    "M#*#LEDGER#*",
                    "M#*#BATCH#*",
                    "M#*#BILL#*",
                ],
            ),
            (&["dynamodb:ConditionCheckItem"], &["M#*"]),
        ],
        index: &[],
        secrets: &[TELEGRAM_TOKEN, WHATSAPP_TOKEN, CONTACT_KEY, LINK_KEY],
        called_by: Caller::Queues,
    },
    Function {
        prefix: "Reconciler",
        binary: "reconciler",
        grants: &[
            (&["dynamodb:Query"], &["DUE#*", "OUTBOX#*", "M#*#WAIT#*"]),
            (&["dynamodb:BatchGetItem"], &["MSG#*", "M#*"]),
            (
                &[
                    "dynamodb:DeleteItem",
                    "dynamodb:PutItem",
                    "dynamodb:UpdateItem",
                ],
                &[
                    "DUE#*",
                    "OUTBOX#*",
                    "MSG#*",
                    "M#*#DAY#*",
                    "M#*#RSV#*",
                    "M#*#PAY#*",
                    "M#*#BILL#*",
                    "M#*#WAIT#*",
                    "M#*#BALANCE",
                    "M#*#LEDGER#*",
                    "M#*#BATCH#*",
                ],
            ),
        ],
        index: &[],
        secrets: &[MIDTRANS_SERVER_KEY, CONTACT_KEY],
        called_by: Caller::Schedule,
    },
    Function {
        prefix: "BillingBroadcast",
        binary: "billing-broadcast",
        grants: &[
            (
                &["dynamodb:Query"],
                &[
                    "MERCHANTS",
                    "M#*#PLAN",
                    "M#*#SUB#*",
                    "M#*#BILL#*",
                    "M#*#RUN#*",
                ],
            ),
            (&["dynamodb:BatchGetItem"], &["M#*"]),
            (
                &["dynamodb:PutItem"],
                &[
                    "M#*#BILL#*",
                    "M#*#RUN#*",
                    "MSG#*",
                    "LINK#*",
                    "OUTBOX#*",
                    "DUE#*",
                ],
            ),
        ],
        index: &[],
        secrets: &[CONTACT_KEY, LINK_KEY],
        called_by: Caller::Runs,
    },
    Function {
        prefix: "WhatsAppWebhook",
        binary: "whatsapp-webhook",
        grants: &[
            (&["dynamodb:BatchGetItem"], &["M#*", "WA#*", "MSG#*"]),
            (&["dynamodb:Query"], &["M#*#PHONE#*"]),
            (
                &[
                    "dynamodb:DeleteItem",
                    "dynamodb:PutItem",
                    "dynamodb:UpdateItem",
                ],
                &[
                    "MSG#*",
                    "DUE#*",
                    "OUTBOX#*",
                    "M#*#PHONE#*",
                    "M#*#SUB#*",
                    "M#*#CHANNEL#*",
                    "M#*#TEMPLATES",
                    "M#*#WAIT#*",
                    "M#*#BILL#*",
                ],
            ),
        ],
        index: &[],
        secrets: &[WHATSAPP_APP_SECRET, WHATSAPP_VERIFY_TOKEN, CONTACT_KEY],
        called_by: Caller::Url { most_5xx: 3 },
    },
    Function {
        prefix: "Api",
        binary: "api",
        grants: &[
            (
                &["dynamodb:BatchGetItem"],
                &["KEY#*", "RATE#*", "CLAIM#api#*", "MSG#*", "M#*"],
            ),
            (&["dynamodb:Query"], &["M#*"]),
            (
                &["dynamodb:DeleteItem", "dynamodb:PutItem"],
                &[
                    "RATE#*",
                    "CLAIM#api#*",
                    "M#*#PLAN",
                    "M#*#SUB#*",
                    "M#*#PHONE#*",
                    "M#*#BILL#*",
                    "M#*#RUN#*",
                    "MSG#*",
                    "OUTBOX#*",
                ],
            ),
        ],
        index: &["M#*#BILL#*"],
        secrets: &[CONTACT_KEY, LINK_KEY],
        called_by: Caller::Url { most_5xx: 3 },
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
            "METRICS_NAMESPACE": {"Fn::Sub": "Pesan/${AWS::StackName}"},
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
    let mut properties = json!({
        "LoggingConfig": {"LogGroup": {"Ref": format!("{}LogGroup", function.prefix)}},
        "Policies": [{"Version": "2012-10-17", "Statement": statements(function)}],
    });
    match function.called_by {
        Caller::Url { .. } => {
            // The vendors cannot sign for IAM. A literal: nothing can turn it into another word.
            properties["FunctionUrlConfig"] = json!({"AuthType": "NONE", "InvokeMode": "BUFFERED"});
        }
        Caller::Stream => {
            properties["Environment"] =
                json!({"Variables": {"EVENT_BUS_NAME": {"Ref": "EventBus"}}});
            properties["Events"] = json!({"Outbox": messaging::outbox()});
        }
        Caller::Queues => {
            properties["Events"] = json!({
                "Urgent": messaging::read_by_the_sender("UrgentQueue", 3),
                "Bulk": messaging::read_by_the_sender("BulkQueue", 4),
            });
        }
        Caller::Schedule => {
            properties["Events"] = json!({"Reconciler": messaging::every_minute()});
            properties["EventInvokeConfig"] = json!({
                "MaximumEventAgeInSeconds": 300,
                "MaximumRetryAttempts": 2,
                "DestinationConfig": messaging::failures_to("ReconcilerDeadLetterQueue"),
            });
        }
        Caller::Runs => {
            // Its queue's visibility follows from it.
            properties["Timeout"] = json!(60);
            properties["Events"] = messaging::runs();
            properties["EventInvokeConfig"] = json!({
                "MaximumEventAgeInSeconds": 21_600,
                "MaximumRetryAttempts": 2,
                "DestinationConfig": messaging::failures_to("RunQueue"),
            });
        }
    }
    json!({
        "Type": "AWS::Serverless::Function",
        "Metadata": {
            "BuildMethod": "rust-cargolambda",
            "BuildProperties": {"Binary": function.binary},
        },
        "Properties": properties,
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
    if !function.index.is_empty() {
        statements.push(json!({
            "Effect": "Allow",
            "Action": "dynamodb:Query",
            "Resource": {"Fn::Sub": "${Table.Arn}/index/GSI1"},
            "Condition": {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": function.index}},
        }));
    }
    if !function.secrets.is_empty() {
        statements.push(json!({
            "Effect": "Allow",
            "Action": "ssm:GetParameters",
            "Resource": function.secrets.iter().map(secret).collect::<Vec<_>>(),
        }));
    }
    if matches!(function.called_by, Caller::Stream) {
        statements.push(json!({
            "Effect": "Allow",
            "Action": "events:PutEvents",
            "Resource": {"Fn::GetAtt": "EventBus.Arn"},
        }));
    }
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
