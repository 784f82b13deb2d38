//! The way of an event: from the table's stream over the bus to a queue and its function, and where
//! everything goes that is given up on that way.

use serde_json::{Value, json};

use super::Resources;

/// A day, four days and fourteen days, in seconds.
const DAY: u32 = 86_400;
const FOUR_DAYS: u32 = 345_600;
const LONGEST: u32 = 1_209_600;

/// Where what was given up waits for a person.
pub(super) const DEAD_LETTERS: [&str; 5] = ["Urgent", "Bulk", "Relay", "Events", "Reconciler"];

pub(super) fn expect(expected: &mut Resources) {
    let bus = json!({
        "Type": "AWS::Events::EventBus",
        "Properties": {"Name": {"Ref": "AWS::StackName"}},
    });
    expected.insert("EventBus".to_owned(), bus);
    let urgencies = [json!({"anything-but": "bulk"}), json!("bulk")];
    let kinds = [("Urgent", DAY), ("Bulk", FOUR_DAYS)];
    for ((name, kept), urgency) in kinds.into_iter().zip(&urgencies) {
        let (queue, rule) = (format!("{name}Queue"), format!("{name}MessagesRule"));
        expected.insert(format!("{queue}Policy"), policy(&queue, json!(arn(&rule))));
        expected.insert(rule, messages_rule(urgency, &queue));
        let mut properties = kept_for(kept);
        // Six times the function's timeout.
        properties["VisibilityTimeout"] = json!(90);
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
    let both = json!([arn("UrgentMessagesRule"), arn("BulkMessagesRule")]);
    expected.insert(
        "EventsDeadLetterQueuePolicy".to_owned(),
        policy("EventsDeadLetterQueue", both),
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

fn messages_rule(urgency: &Value, queue: &str) -> Value {
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
            "EventPattern": {
                "source": ["pesan"],
                "detail-type": ["message.queued"],
                "detail": {"urgency": [urgency]},
            },
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
pub(super) fn read_by_the_sender(queue: &str) -> Value {
    resource(
        "SQS",
        &json!({
            "Queue": arn(queue),
            "BatchSize": 10,
            "MaximumBatchingWindowInSeconds": 0,
            "FunctionResponseTypes": ["ReportBatchItemFailures"],
            "ScalingConfig": {"MaximumConcurrency": 4},
        }),
    )
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
