//! The way of an event: from the table's stream over the bus to a queue and its function, and where
//! everything goes that is given up on that way.

use serde_json::{Value, json};

use super::Resources;

/// A day, four days and fourteen days, in seconds.
const DAY: u32 = 86_400;
const FOUR_DAYS: u32 = 345_600;
const LONGEST: u32 = 1_209_600;

/// Where what was given up waits for a person.
pub(super) const DEAD_LETTERS: [&str; 6] =
    ["Urgent", "Bulk", "Run", "Relay", "Events", "Reconciler"];

pub(super) fn expect(expected: &mut Resources) {
    let bus = json!({
        "Type": "AWS::Events::EventBus",
        "Properties": {"Name": {"Ref": "AWS::StackName"}},
    });
    expected.insert("EventBus".to_owned(), bus);
    let message = |urgency: Value| {
        json!({
            "source": ["pesan"],
            "detail-type": ["message.queued"],
            "detail": {"urgency": [urgency]},
        })
    };
    let go_on = json!({"source": ["pesan"], "detail-type": ["billing.continue"]});
    // Visible again after six times the function's timeout.
    for (name, rule, pattern, kept, visibility) in [
        (
            "Urgent",
            "UrgentMessagesRule",
            message(json!({"anything-but": "bulk"})),
            DAY,
            90,
        ),
        (
            "Bulk",
            "BulkMessagesRule",
            message(json!("bulk")),
            FOUR_DAYS,
            90,
        ),
        ("Run", "RunRule", go_on, FOUR_DAYS, 360),
    ] {
        let queue = format!("{name}Queue");
        expected.insert(format!("{queue}Policy"), policy(&queue, json!(arn(rule))));
        expected.insert(rule.to_owned(), queue_rule(&pattern, &queue));
        let mut properties = kept_for(kept);
        properties["VisibilityTimeout"] = json!(visibility);
        properties["RedrivePolicy"] = json!({
            "deadLetterTargetArn": arn(&format!("{name}DeadLetterQueue")),
            "maxReceiveCount": 5,
        });
        expected.insert(queue, resource("AWS::SQS::Queue", &properties));
    }
    for name in DEAD_LETTERS {
        let queue = resource("AWS::SQS::Queue", &kept_for(LONGEST));
        expected.insert(format!("{name}DeadLetterQueue"), queue);
    }
    let all = json!([
        arn("UrgentMessagesRule"),
        arn("BulkMessagesRule"),
        arn("RunRule"),
    ]);
    expected.insert(
        "EventsDeadLetterQueuePolicy".to_owned(),
        policy("EventsDeadLetterQueue", all),
    );
}

fn arn(id: &str) -> Value {
    json!({"Fn::GetAtt": format!("{id}.Arn")})
}

fn resource(kind: &str, properties: &Value) -> Value {
    json!({"Type": kind, "Properties": properties})
}

fn kept_for(seconds: u32) -> Value {
    json!({"MessageRetentionPeriod": seconds, "SqsManagedSseEnabled": true})
}

fn queue_rule(pattern: &Value, queue: &str) -> Value {
    let target = json!({
        "Id": "queue",
        "Arn": arn(queue),
        // The queue carries the envelope itself.
        "InputPath": "$.detail",
        "RetryPolicy": {"MaximumEventAgeInSeconds": 3600, "MaximumRetryAttempts": 100},
        "DeadLetterConfig": {"Arn": arn("EventsDeadLetterQueue")},
    });
    resource(
        "AWS::Events::Rule",
        &json!({
            "EventBusName": {"Ref": "EventBus"},
            "EventPattern": pattern,
            "Targets": [target],
        }),
    )
}

/// Nobody but these rules of this bus may send.
fn policy(queue: &str, rules: Value) -> Value {
    let send = json!({
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn(queue),
        "Condition": {"ArnEquals": {"aws:SourceArn": rules}},
    });
    resource(
        "AWS::SQS::QueuePolicy",
        &json!({
            "Queues": [{"Ref": queue}],
            "PolicyDocument": {"Version": "2012-10-17", "Statement": [send]},
        }),
    )
}

/// Every commit's outbox entries, and nothing else of the stream.
pub(super) fn outbox() -> Value {
    let pattern =
        r#"{"eventName":["INSERT"],"dynamodb":{"Keys":{"PK":{"S":[{"prefix":"OUTBOX#"}]}}}}"#;
    resource(
        "DynamoDB",
        &json!({
            "Stream": {"Fn::GetAtt": "Table.StreamArn"},
            "StartingPosition": "TRIM_HORIZON",
            "BatchSize": 100,
            "MaximumBatchingWindowInSeconds": 0,
            "FilterCriteria": {"Filters": [{"Pattern": pattern}]},
            "FunctionResponseTypes": ["ReportBatchItemFailures"],
            "BisectBatchOnFunctionError": true,
            "MaximumRetryAttempts": 10,
            "MaximumRecordAgeInSeconds": 3600,
            "DestinationConfig": failures_to("RelayDeadLetterQueue"),
        }),
    )
}

/// At full speed, a broadcast leaves other functions room.
pub(super) fn read_by_the_sender(queue: &str, at_once: u32) -> Value {
    read_from(queue, 10, at_once)
}

fn read_from(queue: &str, batch: u32, at_once: u32) -> Value {
    resource(
        "SQS",
        &json!({
            "Queue": arn(queue),
            "BatchSize": batch,
            "MaximumBatchingWindowInSeconds": 0,
            "FunctionResponseTypes": ["ReportBatchItemFailures"],
            "ScalingConfig": {"MaximumConcurrency": at_once},
        }),
    )
}

/// Nine o'clock in each zone: on the last day of the month the bills, on each day the reminders.
/// And what goes on, a shard an invocation.
pub(super) fn runs() -> Value {
    let mut events = json!({"Continue": read_from("RunQueue", 1, 2)});
    for (runs, expression) in [
        ("Bills", "cron(0 9 L * ? *)"),
        ("Reminders", "cron(0 9 * * ? *)"),
    ] {
        for zone in ["Jakarta", "Makassar", "Jayapura"] {
            let input = format!(
                r#"{{"runs":"{}","zone":"Asia/{zone}","scheduled_at":"<aws.scheduler.scheduled-time>"}}"#,
                runs.to_lowercase()
            );
            events[format!("{runs}{zone}")] = resource(
                "ScheduleV2",
                &json!({
                    "ScheduleExpression": expression,
                    "ScheduleExpressionTimezone": format!("Asia/{zone}"),
                    "Input": input,
                    "RetryPolicy": {"MaximumEventAgeInSeconds": 86_400, "MaximumRetryAttempts": 185},
                    "DeadLetterConfig": {"Arn": arn("RunDeadLetterQueue")},
                }),
            );
        }
    }
    events
}

pub(super) fn every_minute() -> Value {
    resource(
        "ScheduleV2",
        &json!({
            "ScheduleExpression": "rate(1 minute)",
            "Input": r#"{"scheduled_at":"<aws.scheduler.scheduled-time>"}"#,
            "RetryPolicy": {"MaximumEventAgeInSeconds": 60, "MaximumRetryAttempts": 2},
            "DeadLetterConfig": {"Arn": arn("ReconcilerDeadLetterQueue")},
        }),
    )
}

pub(super) fn failures_to(queue: &str) -> Value {
    json!({"OnFailure": {"Type": "SQS", "Destination": arn(queue)}})
}
