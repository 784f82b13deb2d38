use serde_json::{Value, json};

use super::rules::{Rules, is_free_text};
use super::timing::Timing;
use super::*;

const OURS: &str = include_str!("../../../../template.yaml");

fn ours() -> Value {
    yaml::read(OURS).unwrap()
}

#[test]
fn the_projects_template_leads_every_path_of_the_contract() {
    let template = Template::parse(OURS).unwrap();
    for (path, function) in [
        ("/telegram/demo", "TelegramWebhookFunction"),
        ("/midtrans/demo", "MidtransNotificationFunction"),
        ("/", "WebFunction"),
        ("/m/demo/catalog", "WebFunction"),
        ("/o/abc", "WebFunction"),
    ] {
        assert_eq!(template.function_at(path), Some(function), "{path}");
    }
}

#[test]
fn patterns_are_read_as_cloudfront_reads_them() {
    for (pattern, path, taken) in [
        ("*", "/anything", true),
        ("/a/*", "/a/", true),
        ("/a/*", "/a", false),
        ("/a/*/c", "/a/b/c", true),
        ("/a/*/c", "/a/b/d", false),
        ("/?", "/x", true),
        ("/A", "/a", false),
        ("*.jpg", "/x/y.jpg", true),
    ] {
        assert_eq!(matches(pattern, path), taken, "{pattern} {path}");
    }
}

#[test]
fn what_cannot_be_honoured_is_refused_by_name() {
    let stream = OURS.replace(
        "Resources:\n",
        "Resources:\n  Parcels:\n    Type: AWS::Kinesis::Stream\n",
    );
    let refused = format!("{:#}", Template::parse(&stream).unwrap_err());
    assert!(
        refused.contains("Parcels is a AWS::Kinesis::Stream"),
        "{refused}"
    );

    let dropped = OURS.replace("  WebFunction:\n", "  SiteFunction:\n");
    let refused = format!("{:#}", Template::parse(&dropped).unwrap_err());
    assert!(refused.contains("WebFunction"), "{refused}");
}

#[test]
fn of_the_message_path_too_what_cannot_be_honoured_is_refused_by_name() {
    for (from, to, names) in [
        // A property that nothing here does anything about.
        (
            "      VisibilityTimeout: 90",
            "      FifoQueue: true",
            ["BulkQueue", "FifoQueue"],
        ),
        (
            "BisectBatchOnFunctionError",
            "TumblingWindowInSeconds",
            ["Outbox", "TumblingWindow"],
        ),
        (
            "MaximumBatchingWindowInSeconds: 0",
            "MaximumBatchingWindowInSeconds: 5",
            ["BillingBroadcast", "Window"],
        ),
        ("TRIM_HORIZON", "LATEST", ["OutboxRelayFunction", "LATEST"]),
        (
            "[ReportBatchItemFailures]",
            "[Everything]",
            ["BillingBroadcast", "Everything"],
        ),
        (
            "rate(1 minute)",
            "cron(0 9 1 * ? *)",
            ["Reconciler", "cron"],
        ),
        (
            "[{\"prefix\":\"OUTBOX#\"}]",
            "[{\"cidr\":\"10.0.0.0/8\"}]",
            ["Outbox", "cidr"],
        ),
        (
            "InputPath: $.detail",
            "InputTransformer: {}",
            ["MessagesRule", "InputTransformer"],
        ),
        (
            "urgency: [{ anything-but: bulk }]",
            "urgency: [{numeric: [1]}]",
            ["UrgentMessagesRule", "numeric"],
        ),
        (
            "deadLetterTargetArn: !GetAtt Urgent",
            "deadLetterTargetArn: !GetAtt Other",
            ["OtherDeadLetterQueue", "no queue"],
        ),
        (
            "          Type: ScheduleV2",
            "          Type: Schedule",
            ["Reconciler", "Schedule"],
        ),
        (
            "Queue: !GetAtt BulkQueue",
            "Queue: !GetAtt UrgentQueue",
            ["UrgentQueue", "two functions"],
        ),
        (
            "\n  EventBus:\n    Type: AWS::Events::EventBus",
            "\n  EventBus:\n    Type: AWS::Events::Archive",
            ["EventBus", "Archive"],
        ),
    ] {
        assert!(OURS.contains(from), "the template no longer says {from}");
        let refused = Template::parse(&OURS.replace(from, to)).unwrap_err();
        let refused = format!("{refused:#}");
        let is_named = names.iter().all(|name| refused.contains(name));
        assert!(is_named, "{to}: {refused}");
    }
}

#[test]
fn the_message_path_is_read_as_it_stands() {
    let messaging = Template::parse(OURS).unwrap().messaging;
    assert_eq!(messaging.bus.as_deref(), Some("EventBus"));
    assert_eq!(messaging.rules.len(), 3);
    let urgent = &messaging.queues["UrgentQueue"];
    assert_eq!(urgent.visibility_seconds, 90);
    assert_eq!(
        urgent.redrive,
        Some(("UrgentDeadLetterQueue".to_owned(), 5))
    );
    let stream = &messaging.streams[0];
    assert_eq!((stream.batch, stream.most_retries), (100, Some(10)));
    assert_eq!(stream.dead_letters.as_deref(), Some("RelayDeadLetterQueue"));
    assert!(stream.bisects && stream.names_failures);
    let insert = |key: &str| {
        json!({
            "eventName": "INSERT", "dynamodb": {"Keys": {"PK": {"S": key}}},
        })
    };
    assert!(stream.filters[0].takes(&insert("OUTBOX#3")));
    assert!(!stream.filters[0].takes(&insert("M#demo")));
    assert_eq!(messaging.consumers.len(), 3);
    let minute = Timing::Rate { every_seconds: 60 };
    let every_minute = |one: &&messaging::Schedule| one.timing == minute;
    assert_eq!(messaging.schedules.iter().filter(every_minute).count(), 1);
    assert_eq!(messaging.schedules.len(), 7);
    assert_eq!(messaging.failures["ReconcilerFunction"].most_seconds, 300);
}

#[test]
fn j5_a_broadcast_at_full_speed_leaves_webhooks_room() {
    let messaging = Template::parse(OURS).unwrap().messaging;
    let taken: usize = messaging.consumers.iter().map(|one| one.concurrency).sum();
    // What a new account has in all.
    assert!(taken < 10, "{taken}");
}

#[test]
fn j7_the_projects_template_keeps_every_rule() {
    assert_eq!(Rules::new().problems(&ours()), Vec::<String>::new());
}

/// The places of everything in the template but free text, as JSON pointers.
fn places(at: &str, value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                if !is_free_text(key, value) {
                    let place = format!("{at}/{}", key.replace('~', "~0").replace('/', "~1"));
                    found.push(place.clone());
                    places(&place, value, found);
                }
            }
        }
        Value::Array(items) => {
            for (n, item) in items.iter().enumerate() {
                let place = format!("{at}/{n}");
                found.push(place.clone());
                places(&place, item, found);
            }
        }
        _ => {}
    }
}

/// Judges `template` without what stands at `place`, and puts it back.
fn removed<T>(template: &mut Value, place: &str, judge: impl FnOnce(&Value) -> T) -> T {
    let (parent, last) = place.rsplit_once('/').unwrap();
    let key = last.replace("~1", "/").replace("~0", "~");
    let taken = match template.pointer_mut(parent).unwrap() {
        Value::Object(fields) => fields.remove(&key).unwrap(),
        Value::Array(items) => items.remove(key.parse().unwrap()),
        scalar => panic!("{scalar} holds nothing"),
    };
    let judged = judge(template);
    match template.pointer_mut(parent).unwrap() {
        Value::Object(fields) => drop(fields.insert(key, taken)),
        Value::Array(items) => items.insert(key.parse().unwrap(), taken),
        scalar => panic!("{scalar} holds nothing"),
    }
    judged
}

/// Another value of the same kind, of a scalar.
fn another(value: &Value) -> Option<Value> {
    match value {
        Value::String(text) => Some(json!(format!("{text}x"))),
        Value::Number(number) => Some(json!(number.as_f64().unwrap() + 1.0)),
        Value::Bool(flag) => Some(json!(!flag)),
        _ => None,
    }
}

#[test]
fn j7_whatever_is_taken_out_or_changed_is_noticed() {
    let (rules, mut template) = (Rules::new(), ours());
    assert!(rules.are_kept_by(&template));
    let mut all = Vec::new();
    places("", &template, &mut all);
    assert!(all.len() > 1000, "only {} places were found", all.len());
    let mut unnoticed = Vec::new();
    for place in &all {
        if removed(&mut template, place, |mutant| rules.are_kept_by(mutant)) {
            unnoticed.push(format!("{place} taken out"));
        }
        let value = template.pointer(place).unwrap().clone();
        if let Some(other) = another(&value) {
            *template.pointer_mut(place).unwrap() = other;
            if rules.are_kept_by(&template) {
                unnoticed.push(format!("{place} changed"));
            }
            *template.pointer_mut(place).unwrap() = value;
        }
    }
    assert_eq!(unnoticed, Vec::<String>::new());
    assert_eq!(template, ours());
}

#[test]
fn whatever_is_taken_out_of_the_dashboard_is_noticed() {
    let (rules, mut mutant) = (Rules::new(), ours());
    assert!(rules.are_kept_by(&mutant));
    let body = "/Resources/Dashboard/Properties/DashboardBody/Fn::Sub";
    let mut dashboard: Value =
        serde_json::from_str(mutant.pointer(body).unwrap().as_str().unwrap()).unwrap();
    let mut all = Vec::new();
    places("", &dashboard, &mut all);
    // A widget, a metric, an alarm; and of a metric every word but its options.
    let meant = |place: &&String| {
        let parts: Vec<&str> = place.split('/').skip(1).collect();
        let list = parts.get(3).copied().unwrap_or_default();
        match parts.len() {
            2 => true,
            5 => list == "metrics" || list == "alarms",
            6 => list == "metrics" && !dashboard.pointer(place).unwrap().is_object(),
            _ => false,
        }
    };
    let meant: Vec<String> = all.iter().filter(meant).cloned().collect();
    assert!(meant.len() > 100, "only {} places were found", meant.len());
    for place in meant {
        let bent = removed(&mut dashboard, &place, Value::to_string);
        *mutant.pointer_mut(body).unwrap() = json!(bent);
        assert!(!rules.are_kept_by(&mutant), "{place}");
    }
}

#[test]
fn j7_what_may_stand_nowhere_is_noticed_by_its_own_rule() {
    let statement = "/Resources/WebFunction/Properties/Policies/0/Statement/0";
    for (place, key, value, complaint) in [
        (statement, "Resource", json!("*"), "is everything"),
        (
            statement,
            "Resource",
            json!(["arn:x", "*"]),
            "is everything",
        ),
        (
            statement,
            "Action",
            json!("dynamodb:*"),
            "is more than one action",
        ),
        (
            statement,
            "Action",
            json!(["ssm:Get*"]),
            "is more than one action",
        ),
        (
            statement,
            "NotAction",
            json!("dynamodb:Scan"),
            "what it does not name",
        ),
        (statement, "Principal", json!({"AWS": "*"}), "is everybody"),
        (
            "/Resources/TableNameParameter/Properties",
            "Type",
            json!("SecureString"),
            "SecureString",
        ),
        (
            "/Parameters/PublicBaseUrl",
            "Default",
            json!("SB-Mid-server-x"),
            "is a secret",
        ),
        (
            "/Globals/Function/Environment/Variables",
            "X",
            json!("123456789:AAaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
            "is a secret",
        ),
        (
            "/Parameters",
            "LinkKey",
            json!({"Type": "String"}),
            "takes a secret",
        ),
        (
            "/Parameters/AlarmEmail",
            "NoEcho",
            json!(true),
            "takes a secret",
        ),
    ] {
        let mut mutant = ours();
        mutant.pointer_mut(place).unwrap()[key] = value.clone();
        let found = Rules::new().problems(&mutant);
        assert!(
            found.iter().any(|problem| problem.contains(complaint)),
            "{place}/{key} {value}: {found:?}"
        );
    }
}

#[test]
fn a_function_that_comes_without_its_rules_is_noticed() {
    let mut mutant = ours();
    mutant["Resources"]["ApiFunction"] = mutant["Resources"]["WebFunction"].clone();
    let found = Rules::new().problems(&mutant);
    assert_eq!(found, ["/Resources/ApiFunction has no rule"]);
}

#[test]
fn a_parameter_that_cloudformation_cannot_write_is_refused_by_name() {
    let secret = OURS.replace(
        "      Type: String\n      Value: !Ref Table\n",
        "      Type: SecureString\n      Value: !Ref Table\n",
    );
    let refused = format!("{:#}", Template::parse(&secret).unwrap_err());
    assert!(refused.contains("TableNameParameter"), "{refused}");
    assert!(refused.contains("SecureString"), "{refused}");
}
