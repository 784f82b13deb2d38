//! Who is told of what: the topic, the alarms and the dashboard.

use serde_json::{Value, json};

use super::Resources;
use super::functions::{Caller, FUNCTIONS, Function};
use super::messaging::DEAD_LETTERS;

const RUNBOOK: &str = include_str!("../../../../../docs/RUNBOOK.md");

pub(super) fn expect(expected: &mut Resources) {
    expect_topic(expected);
    for function in &FUNCTIONS {
        for (name, watched) in of_function(function) {
            let id = format!("{}{name}Alarm", function.prefix);
            expected.insert(
                id,
                alarm(&format!("{}-{}", function.binary, kebab(name)), watched),
            );
        }
    }
    for (id, name, watched) in of_table() {
        expected.insert(id.to_owned(), alarm(name, watched));
    }
    for (id, name, watched) in of_the_message_path() {
        expected.insert(format!("{id}Alarm"), alarm(&name, watched));
    }
    for (id, name, hours, percent) in [
        (
            "AvailabilityFastBurnAlarm",
            "availability-fast-burn",
            1,
            json!(1.44),
        ),
        (
            "AvailabilitySlowBurnAlarm",
            "availability-slow-burn",
            6,
            json!(0.6),
        ),
    ] {
        expected.insert(id.to_owned(), alarm(name, burn(hours, percent)));
    }
    // Its body is judged by what is in it.
    let dashboard = json!({"Type": "AWS::CloudWatch::Dashboard", "Properties": {
        "DashboardName": {"Ref": "AWS::StackName"},
    }});
    expected.insert("Dashboard".to_owned(), dashboard);
}

fn expect_topic(expected: &mut Resources) {
    let alarms = "arn:${AWS::Partition}:cloudwatch:${AWS::Region}:${AWS::AccountId}:alarm";
    let publish = json!({
        "Effect": "Allow",
        "Principal": {"Service": "cloudwatch.amazonaws.com"},
        "Action": "sns:Publish",
        "Resource": {"Ref": "AlarmTopic"},
        "Condition": {
            "StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}},
            "ArnLike": {"aws:SourceArn": {"Fn::Sub": format!("{alarms}:${{AWS::StackName}}-*")}},
        },
    });
    for (id, resource) in [
        (
            "AlarmTopic",
            json!({"Type": "AWS::SNS::Topic", "Properties": {
                "DisplayName": {"Fn::Sub": "${AWS::StackName} alarms"},
            }}),
        ),
        (
            "AlarmTopicPolicy",
            json!({"Type": "AWS::SNS::TopicPolicy", "Properties": {
                "Topics": [{"Ref": "AlarmTopic"}],
                "PolicyDocument": {"Version": "2012-10-17", "Statement": [publish]},
            }}),
        ),
        (
            "AlarmEmailSubscription",
            json!({
                "Type": "AWS::SNS::Subscription",
                "Condition": "HasAlarmEmail",
                "Properties": {
                    "TopicArn": {"Ref": "AlarmTopic"},
                    "Protocol": "email",
                    "Endpoint": {"Ref": "AlarmEmail"},
                },
            }),
        ),
    ] {
        expected.insert(id.to_owned(), resource);
    }
}

/// What every alarm has beside what it watches.
fn alarm(name: &str, mut properties: Value) -> Value {
    properties["AlarmName"] = json!({"Fn::Sub": format!("${{AWS::StackName}}-{name}")});
    properties["AlarmActions"] = json!([{"Ref": "AlarmTopic"}]);
    // Where nobody calls there is no data.
    properties["TreatMissingData"] = json!("notBreaching");
    for (key, value) in [
        ("ComparisonOperator", json!("GreaterThanOrEqualToThreshold")),
        ("EvaluationPeriods", json!(1)),
    ] {
        if properties.get(key).is_none() {
            properties[key] = value;
        }
    }
    json!({"Type": "AWS::CloudWatch::Alarm", "Properties": properties})
}

/// A metric that Lambda counts of a function.
fn lambda(function: &str, metric: &str, at_least: u32) -> Value {
    json!({
        "Namespace": "AWS/Lambda",
        "MetricName": metric,
        "Dimensions": [dimension("FunctionName", &json!({"Ref": format!("{function}Function")}))],
        "Statistic": "Sum",
        "Period": 300,
        "Threshold": at_least,
    })
}

fn of_function(function: &Function) -> Vec<(&'static str, Value)> {
    let lambda = |metric: &str, at_least| lambda(function.prefix, metric, at_least);
    let mut slow = lambda("Duration", 0);
    if let Some(slow) = slow.as_object_mut() {
        slow.remove("Statistic");
    }
    slow["ExtendedStatistic"] = json!("p99");
    slow["EvaluationPeriods"] = json!(3);
    slow["Threshold"] = json!(function.slow_after());
    slow["ComparisonOperator"] = json!("GreaterThanThreshold");
    let attention = json!({
        "Namespace": ours(),
        "MetricName": "alarms",
        "Dimensions": [dimension("function", &json!(function.binary))],
        "Statistic": "Sum",
        "Period": 60,
        "Threshold": 1,
    });
    let mut alarms = vec![
        ("Errors", lambda("Errors", 1)),
        ("Throttles", lambda("Throttles", 1)),
        ("Slow", slow),
        ("Attention", attention),
    ];
    if let Caller::Url { most_5xx } = function.called_by {
        alarms.push(("Url5xx", lambda("Url5xxCount", most_5xx.into())));
    }
    alarms
}

fn of_the_message_path() -> Vec<(String, String, Value)> {
    let queue = |queue: &str, metric: &str, period: u32, at_least: u32| {
        json!({
            "Namespace": "AWS/SQS",
            "MetricName": metric,
            "Dimensions": [dimension(
                "QueueName",
                &json!({"Fn::GetAtt": format!("{queue}.QueueName")}),
            )],
            "Statistic": "Maximum",
            "Period": period,
            "Threshold": at_least,
        })
    };
    let mut behind = lambda("OutboxRelay", "IteratorAge", 60_000);
    behind["Statistic"] = json!("Maximum");
    behind["Period"] = json!(60);
    let mut alarms = vec![(
        "OutboxRelayBehind".to_owned(),
        "outbox-relay-behind".to_owned(),
        behind,
    )];
    for (name, seconds) in [("Urgent", 120), ("Bulk", 3_600), ("Run", 3_600)] {
        let age = queue(
            &format!("{name}Queue"),
            "ApproximateAgeOfOldestMessage",
            60,
            seconds,
        );
        let kebab = format!("{}-queue-age", name.to_lowercase());
        alarms.push((format!("{name}QueueAge"), kebab, age));
    }
    for name in DEAD_LETTERS {
        let letters = format!("{name}DeadLetterQueue");
        let depth = queue(&letters, "ApproximateNumberOfMessagesVisible", 300, 1);
        let kebab = format!("{}-dead-letters", name.to_lowercase());
        alarms.push((format!("{name}DeadLetters"), kebab, depth));
    }
    alarms
}

fn of_table() -> [(&'static str, &'static str, Value); 3] {
    let table = || dimension("TableName", &json!({"Ref": "Table"}));
    let series = |id: &str, metric: &str, more: Vec<Value>| {
        let dimensions: Vec<Value> = std::iter::once(table()).chain(more).collect();
        sum_of(id, &json!("AWS/DynamoDB"), metric, &json!(dimensions), 300)
    };
    let index = dimension("GlobalSecondaryIndexName", &json!("GSI1"));
    let writes = vec![
        returned("sum", "SUM([table, index])"),
        series("table", "WriteThrottleEvents", vec![]),
        series("index", "WriteThrottleEvents", vec![index]),
    ];
    let operation = |id: &str, name: &str| {
        let operation = dimension("Operation", &json!(name));
        series(id, "SystemErrors", vec![operation])
    };
    let errors = vec![
        returned(
            "sum",
            "SUM([batch_get_item, query, put_item, delete_item, batch_write_item, transact_write_items])",
        ),
        operation("batch_get_item", "BatchGetItem"),
        operation("query", "Query"),
        operation("put_item", "PutItem"),
        operation("delete_item", "DeleteItem"),
        operation("batch_write_item", "BatchWriteItem"),
        operation("transact_write_items", "TransactWriteItems"),
    ];
    let reads = json!({
        "Namespace": "AWS/DynamoDB",
        "MetricName": "ReadThrottleEvents",
        "Dimensions": [table()],
        "Statistic": "Sum",
        "Period": 300,
        "Threshold": 1,
    });
    [
        ("TableReadThrottlesAlarm", "table-read-throttles", reads),
        (
            "TableWriteThrottlesAlarm",
            "table-write-throttles",
            json!({"Metrics": writes, "Threshold": 1}),
        ),
        (
            "TableSystemErrorsAlarm",
            "table-system-errors",
            json!({"Metrics": errors, "Threshold": 1}),
        ),
    ]
}

/// The functions that somebody waits for.
fn requested() -> impl Iterator<Item = &'static Function> {
    FUNCTIONS.iter().filter(|function| function.has_url())
}

/// The share of all requests that failed, over some hours.
fn burn(hours: u32, percent: Value) -> Value {
    let mut burn = returned("burn", "IF(faults >= 5, 100 * faults / requests, 0)");
    burn["Label"] = json!("percent of requests that failed");
    let mut metrics = vec![burn];
    let id =
        |metric: &str, function: &Function| format!("{metric}_{}", function.prefix.to_lowercase());
    for metric in ["faults", "requests"] {
        let ids: Vec<String> = requested().map(|function| id(metric, function)).collect();
        let mut sum = returned(metric, &format!("SUM([{}])", ids.join(", ")));
        sum["ReturnData"] = json!(false);
        metrics.push(sum);
    }
    for metric in ["faults", "requests"] {
        for function in requested() {
            let dimensions = json!([dimension("function", &json!(function.binary))]);
            let id = id(metric, function);
            metrics.push(sum_of(&id, &ours(), metric, &dimensions, hours * 3600));
        }
    }
    json!({"Metrics": metrics, "Threshold": percent})
}

/// The namespace of our own metrics: one of each deployment.
fn ours() -> Value {
    json!({"Fn::Sub": "Pesan/${AWS::StackName}"})
}

fn dimension(name: &str, value: &Value) -> Value {
    json!({"Name": name, "Value": value})
}

fn returned(id: &str, expression: &str) -> Value {
    json!({"Id": id, "Expression": expression, "ReturnData": true})
}

fn sum_of(id: &str, namespace: &Value, metric: &str, dimensions: &Value, period: u32) -> Value {
    json!({
        "Id": id,
        "ReturnData": false,
        "MetricStat": {
            "Metric": {"Namespace": namespace, "MetricName": metric, "Dimensions": dimensions},
            "Stat": "Sum",
            "Period": period,
        },
    })
}

/// `Url5xx` as `url-5xx`.
fn kebab(name: &str) -> String {
    match name {
        "Url5xx" => "url-5xx".to_owned(),
        name => name.to_lowercase(),
    }
}

/// What cannot be said by an equation: an alarm's words lead to a section that is there, and the
/// dashboard shows what it must.
pub(super) fn judge(template: &Value, dashboard: &[String], found: &mut Vec<String>) {
    let resources = template.get("Resources").and_then(Value::as_object);
    let mut alarms = Vec::new();
    for (id, resource) in resources.into_iter().flatten() {
        if resource["Type"] == "AWS::CloudWatch::Alarm" {
            alarms.push(id.as_str());
            let words = resource["Properties"]["AlarmDescription"].as_str();
            if !words.is_some_and(leads_to_a_section) {
                found.push(format!("{id} leads to no section of docs/RUNBOOK.md"));
            }
        }
    }
    judge_dashboard(template, dashboard, &alarms, found);
}

fn leads_to_a_section(words: &str) -> bool {
    words
        .rsplit_once("see docs/RUNBOOK.md#")
        .is_some_and(|(_, anchor)| {
            RUNBOOK
                .lines()
                .filter_map(|line| line.strip_prefix("## ").or(line.strip_prefix("### ")))
                .any(|heading| heading.to_lowercase().replace(' ', "-") == anchor)
        })
}

fn judge_dashboard(template: &Value, wanted: &[String], alarms: &[&str], found: &mut Vec<String>) {
    let body = &template["Resources"]["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"];
    let Ok(body) = serde_json::from_str::<Value>(body.as_str().unwrap_or_default()) else {
        found.push("the dashboard's body is no JSON".to_owned());
        return;
    };
    let widgets = body["widgets"].as_array().cloned().unwrap_or_default();
    let mut shown = Vec::new();
    let mut states = Vec::new();
    for widget in &widgets {
        let properties = &widget["properties"];
        let list = |name: &str| properties[name].as_array().cloned().unwrap_or_default();
        for metric in list("metrics") {
            let mut parts = metric.as_array().cloned().unwrap_or_default();
            let own = parts.pop_if(|last| last.is_object()).unwrap_or_default();
            let stat = own.get("stat").unwrap_or(&properties["stat"]);
            let parts: Vec<&str> = parts.iter().filter_map(Value::as_str).collect();
            let (stat, region) = (stat.as_str(), properties["region"].as_str());
            shown.push(format!(
                "{} {} {}",
                region.unwrap_or("nowhere"),
                stat.unwrap_or("nothing of"),
                parts.join(" ")
            ));
        }
        states.extend(list("alarms"));
    }
    for wanted in wanted {
        if !shown.contains(wanted) {
            found.push(format!("the dashboard does not show {wanted}"));
        }
    }
    for alarm in alarms {
        if !states.contains(&json!(format!("${{{alarm}.Arn}}"))) {
            found.push(format!("the dashboard does not show the state of {alarm}"));
        }
    }
}

/// Region, statistic and metric of everything that the dashboard shows.
pub(super) fn on_the_dashboard() -> Vec<String> {
    let here = "${AWS::Region}";
    let table = "TableName ${Table}";
    let mut wanted = vec![
        format!("{here} Sum AWS/DynamoDB ConsumedReadCapacityUnits {table}"),
        format!("{here} Sum AWS/DynamoDB ConsumedWriteCapacityUnits {table}"),
        format!("{here} Sum AWS/DynamoDB ReadThrottleEvents {table}"),
        format!("{here} Sum AWS/DynamoDB WriteThrottleEvents {table}"),
        format!("{here} Sum AWS/DynamoDB WriteThrottleEvents {table} GlobalSecondaryIndexName GSI1"),
        "us-east-1 Average AWS/CloudFront 5xxErrorRate DistributionId ${Distribution} Region Global"
            .to_owned(),
    ];
    for queue in ["Urgent", "Bulk", "Run"] {
        for metric in [
            "ApproximateNumberOfMessagesVisible",
            "ApproximateAgeOfOldestMessage",
        ] {
            let queue = format!("QueueName ${{{queue}Queue.QueueName}}");
            wanted.push(format!("{here} Maximum AWS/SQS {metric} {queue}"));
        }
    }
    for name in DEAD_LETTERS {
        let queue = format!("QueueName ${{{name}DeadLetterQueue.QueueName}}");
        wanted.push(format!(
            "{here} Maximum AWS/SQS ApproximateNumberOfMessagesVisible {queue}"
        ));
    }
    wanted.push(format!(
        "{here} Maximum AWS/Lambda IteratorAge FunctionName ${{OutboxRelayFunction}}"
    ));
    for function in &FUNCTIONS {
        let Function { prefix, binary, .. } = function;
        for (stat, metric) in [
            ("Sum", "requests"),
            ("Sum", "faults"),
            ("Sum", "alarms"),
            ("Average", "round_trips"),
        ] {
            wanted.push(format!(
                "{here} {stat} Pesan/${{AWS::StackName}} {metric} function {binary}"
            ));
        }
        for (stat, metric) in [
            ("p50", "Duration"),
            ("p99", "Duration"),
            ("Sum", "Errors"),
            ("Sum", "Throttles"),
            ("Sum", "Url5xxCount"),
        ] {
            if metric == "Url5xxCount" && !function.has_url() {
                continue;
            }
            wanted.push(format!(
                "{here} {stat} AWS/Lambda {metric} FunctionName ${{{prefix}Function}}"
            ));
        }
    }
    wanted
}
