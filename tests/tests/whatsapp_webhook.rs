//! What Meta sends: who may, what is taken from it, and that nothing is taken twice.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::future::join_all;
use pesan_tests::whatsapp::{
    ACCOUNT, APP_SECRET, MORNING_SECONDS, NUMBER, SIGNATURE_HEADER, body, messages, said, sign,
    statuses, typed,
};
use pesan_tests::{Setup, Stack};
use reqwest::Method;
use serde_json::{Value, json};

const PHONE: &str = "6281200000042";

async fn writes(stack: &Stack) -> usize {
    stack.count("dynamodb", Some("PutItem")).await
}

#[tokio::test]
async fn a5_a8_without_the_right_signature_it_is_401_and_nothing_is_read() {
    let stack = Stack::start();
    let asked = stack.count("dynamodb", None).await;
    let bytes = said("m1", PHONE, "STOP", MORNING_SECONDS)
        .to_string()
        .into_bytes();
    let right = sign(APP_SECRET, &bytes);
    let hex = right.strip_prefix("sha256=").unwrap().to_owned();
    let wrong = [
        String::new(),
        hex.clone(),
        format!("sha1={hex}"),
        format!("sha256={}", &hex[..63]),
        format!("sha256={}", &hex[..62]),
        format!("sha256={hex}0"),
        format!("sha256={}", "0".repeat(64)),
        format!("sha256={}", "x".repeat(10_000)),
        sign("another", &bytes),
        sign("", &bytes),
        sign(APP_SECRET, b"another body"),
    ];
    for signature in &wrong {
        let answer = stack.hook_bytes(bytes.clone(), Some(signature)).await;
        assert_eq!(answer.status(), 401, "{signature:.80}");
    }
    assert_eq!(stack.hook_bytes(bytes.clone(), None).await.status(), 401);
    let twice = stack
        .request(Method::POST, "/whatsapp")
        .header(SIGNATURE_HEADER, &right)
        .header(SIGNATURE_HEADER, "sha256=00");
    let twice = twice.body(bytes.clone()).send().await.unwrap();
    assert_eq!(twice.status(), 401);
    let in_url = format!("/whatsapp?signature={right}");
    let in_url = stack.request(Method::POST, &in_url).body(bytes.clone());
    assert_eq!(in_url.send().await.unwrap().status(), 401);
    assert_eq!(stack.count("dynamodb", None).await, asked);

    let capitals = format!("sha256={}", hex.to_uppercase());
    let answer = stack.hook_bytes(bytes, Some(&capitals)).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(stack.inbox(PHONE).await.len(), 0, "the window is shut");
    assert!(stack.contact().await["opted_out_at"]["N"].is_string());
}

#[tokio::test]
async fn a7_a_body_in_base64_is_signed_as_it_was_before() {
    let stack = Stack::start();
    let body = said("m1", PHONE, "Halo", MORNING_SECONDS).to_string();
    let signature = sign(APP_SECRET, body.as_bytes());
    let send = |bytes: Vec<u8>| {
        stack
            .request(Method::POST, "/whatsapp")
            .header("Content-Type", "application/octet-stream")
            .header(SIGNATURE_HEADER, &signature)
            .body(bytes)
            .send()
    };
    let twice = STANDARD.encode(&body).into_bytes();
    assert_eq!(send(twice).await.unwrap().status(), 401);
    assert_eq!(send(body.into_bytes()).await.unwrap().status(), 200);
    assert!(stack.contact().await["last_inbound"]["N"].is_string());
}

#[tokio::test]
async fn a10_the_address_is_verified_by_token_and_mode() {
    let stack = Stack::start();
    let verify = |bent: Value| {
        let stack = &stack;
        async move { stack.handle("/sandbox/whatsapp-verify", &bent).await }
    };
    let right = verify(json!({})).await;
    assert_eq!(
        (&right["verified"], &right["status"]),
        (&json!(true), &json!(200))
    );
    for bent in [
        json!({"verify_token": "wrong"}),
        json!({"mode": "unsubscribe"}),
    ] {
        assert_eq!(verify(bent).await["status"], 403);
    }
    let token = "hub.verify_token=demo-verify-token";
    for query in [
        "",
        &format!("?{token}&hub.challenge=1"),
        &format!("?{token}&hub.mode=subscribe"),
        &format!("?{token}&hub.mode=subscribe&hub.challenge=%3Cb%3E"),
        "?hub.mode=subscribe&hub.challenge=1",
        "?hub.mode=subscribe&hub.challenge=1&hub.verify_token=",
        "?hub.mode=subscribe&hub.challenge=1&hub.verify_token=demo-verify-toke",
    ] {
        let (status, said) = stack.get(&format!("/whatsapp{query}")).await;
        assert_eq!(status, 403, "{query} {said}");
    }
    let path = format!("/whatsapp?hub.mode=subscribe&{token}&hub.challenge=1158201444");
    let (status, said) = stack.get(&path).await;
    assert_eq!((status.as_u16(), said.as_str()), (200, "1158201444"));
}

#[tokio::test]
async fn a11_two_app_secrets_hold_while_they_are_exchanged() {
    let stack = Stack::start();
    let parameter = "whatsapp-app-secret";
    let mut nth = 0;
    let mut signed_with = async |secret: &str| {
        nth += 1;
        let body = said(&format!("m{nth}"), PHONE, "Halo", MORNING_SECONDS);
        let bytes = body.to_string().into_bytes();
        let signature = sign(secret, &bytes);
        let answer = stack.hook_bytes(bytes, Some(&signature)).await;
        answer.status().as_u16()
    };
    assert_eq!(signed_with(APP_SECRET).await, 200);
    assert_eq!(signed_with("the-next-secret").await, 401);
    stack.advance("31s").await;
    stack
        .put_parameter(parameter, "the-next-secret\ndemo-app-secret\n")
        .await;
    assert_eq!(signed_with("the-next-secret").await, 200);
    assert_eq!(signed_with(APP_SECRET).await, 200);
    assert_eq!(signed_with("the-next-secret\ndemo-app-secret").await, 401);
    stack.put_parameter(parameter, "the-next-secret").await;
    stack.advance("5m").await;
    assert_eq!(signed_with(APP_SECRET).await, 401);
    assert_eq!(signed_with("the-next-secret").await, 200);
}

#[tokio::test]
async fn a3_without_its_secrets_it_answers_503_to_everything() {
    let stack = Stack::start();
    for blank in [None, Some(" \n ")] {
        match blank {
            None => stack.delete_parameter("whatsapp-app-secret").await,
            Some(blank) => stack.put_parameter("whatsapp-app-secret", blank).await,
        }
        let bytes = said("m1", PHONE, "Halo", MORNING_SECONDS)
            .to_string()
            .into_bytes();
        for signature in [None, Some(sign("", &bytes)), Some(sign(APP_SECRET, &bytes))] {
            let answer = stack.hook_bytes(bytes.clone(), signature.as_deref()).await;
            assert_eq!(answer.status(), 503);
            let line = stack.line_of(&answer);
            assert_eq!(line["alarm_names"], json!(["secret missing"]));
            assert_eq!(line["parameter"], "whatsapp-app-secret");
        }
    }
    stack.delete_parameter("whatsapp-verify-token").await;
    let path = "/whatsapp?hub.mode=subscribe&hub.challenge=1&hub.verify_token=";
    assert_eq!(stack.get(path).await.0, 503);
    assert!(stack.rows_at("CONTACT").await.is_empty());
}

#[tokio::test]
async fn a19_three_megabytes_are_taken_and_not_a_byte_more() {
    let stack = Stack::start();
    const MOST: usize = 3 * 1024 * 1024;
    for (size, status) in [(MOST, 200), (MOST + 1, 413), (6 * 1024 * 1024 + 1, 413)] {
        let mut bytes = said("m1", PHONE, "Halo", MORNING_SECONDS)
            .to_string()
            .into_bytes();
        bytes.resize(size, b' ');
        let signature = sign(APP_SECRET, &bytes);
        let answer = stack.hook_bytes(bytes, Some(&signature)).await;
        assert_eq!(answer.status(), status, "{size}");
    }
}

#[tokio::test]
async fn a20_other_methods_are_405_and_any_content_type_will_do() {
    let stack = Stack::start();
    for method in [
        Method::PUT,
        Method::PATCH,
        Method::DELETE,
        Method::OPTIONS,
        Method::HEAD,
    ] {
        let answer = stack.request(method, "/whatsapp").send().await.unwrap();
        assert_eq!(answer.status(), 405);
        assert_eq!(answer.headers()["allow"], "GET, POST");
    }
    let body = said("m1", PHONE, "Halo", MORNING_SECONDS).to_string();
    let plain = stack
        .request(Method::POST, "/whatsapp")
        .header("Content-Type", "text/plain")
        .header(SIGNATURE_HEADER, sign(APP_SECRET, body.as_bytes()));
    assert_eq!(plain.body(body).send().await.unwrap().status(), 200);
    let elsewhere = stack.request(Method::POST, "/whatsapp/demo").send().await;
    assert_eq!(elsewhere.unwrap().status(), 404);
}

#[tokio::test]
async fn i1_a_signed_body_that_is_no_json_is_400_and_one_of_no_use_200() {
    let stack = Stack::start();
    for (body, status) in [
        ("", 400),
        ("{", 400),
        (r#"{"entry":"x"}"#, 400),
        ("{}", 200),
        (r#"{"object":"whatsapp_business_account","entry":[]}"#, 200),
        (
            r#"{"entry":[{"id":"1","changes":[{"field":"new","value":1}]}]}"#,
            200,
        ),
        (r#"{"entry":[1,{"id":"1","changes":[2]}]}"#, 200),
    ] {
        let signature = sign(APP_SECRET, body.as_bytes());
        let answer = stack
            .hook_bytes(body.as_bytes().to_vec(), Some(&signature))
            .await;
        assert_eq!(answer.status(), status, "{body}");
    }
    assert!(stack.rows_at("CONTACT").await.is_empty());
}

#[tokio::test]
async fn unknown_numbers_and_people_without_one_are_200_and_told_in_the_log() {
    let stack = Stack::start();
    let before = stack.rows().await;
    let stranger = body(
        "7",
        &[messages(
            "7",
            &[typed("m1", PHONE, "STOP", MORNING_SECONDS)],
        )],
    );
    let answer = stack.hook(&stranger).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(stack.line_of(&answer)["outcome"], "unknown number");

    let path = format!("/sandbox/whatsapp-phones/{PHONE}");
    stack.handle(&path, &json!({"hides_number": true})).await;
    assert_eq!(stack.writes(PHONE, "STOP", 1).await, 200);
    stack.line(|line| line["outcome"] == "no phone number");
    assert_eq!(stack.rows().await, before);
    assert_eq!(stack.sends().await, 0);
}

#[tokio::test]
async fn stop_and_mulai_are_answered_once_each() {
    let stack = Stack::start();
    assert_eq!(stack.writes(PHONE, "Berhenti.", 3).await, 200);
    assert_eq!(stack.writes(PHONE, "stop", 1).await, 200);
    let inbox = stack.inbox(PHONE).await;
    insta::assert_snapshot!(inbox.join("\n"), @"Baik, Anda tidak akan menerima pesan dari Jaya Gadget Servis lagi, kecuali kode OTP yang Anda minta sendiri. Balas MULAI jika ingin menerimanya kembali.");
    let row = stack.contact().await;
    assert!(row["opted_out_at"]["N"].is_string());
    assert_eq!(row["keyword"]["S"], "stop");
    assert!(!row.to_string().contains(PHONE), "{row}");

    stack.advance("1m").await;
    assert_eq!(stack.writes(PHONE, "MULAI", 2).await, 200);
    let inbox = stack.inbox(PHONE).await;
    assert_eq!(inbox.len(), 2);
    assert!(inbox[1].starts_with("Terima kasih"), "{inbox:?}");
    assert_eq!(stack.contact().await["opted_out_at"], Value::Null);
    assert_eq!(stack.sends().await, 2);

    let log = stack.calls("whatsapp").await;
    let sent = log.iter().find(|call| call["op"] == "messages").unwrap();
    assert_eq!(sent["body"]["to"], format!("+{PHONE}"));
}

#[tokio::test]
async fn who_writes_from_abroad_is_answered_in_english() {
    let stack = Stack::start();
    stack.writes("16505551234", "stop", 1).await;
    let inbox = stack.inbox("16505551234").await;
    assert!(inbox[0].starts_with("All right"), "{inbox:?}");
}

#[tokio::test]
async fn other_words_only_open_the_window() {
    let stack = Stack::start();
    assert_eq!(stack.writes(PHONE, "HP saya stop charging", 2).await, 200);
    let row = stack.contact().await;
    assert!(row["last_inbound"]["N"].is_string());
    assert_eq!(row["opted_out_at"], Value::Null);
    assert_eq!(row["version"]["N"], "1", "the second changed nothing");
    assert_eq!(stack.sends().await, 0);
}

#[tokio::test]
async fn the_same_word_at_the_same_moment_is_heard_once() {
    let stack = Stack::start();
    stack.writes(PHONE, "Halo", 1).await;
    let at = MORNING_SECONDS + 60;
    let same = said("m1", PHONE, "STOP", at);
    let answers = join_all((0..12).map(|_| stack.hook(&same))).await;
    for answer in &answers {
        assert!([200, 503].contains(&answer.status().as_u16()));
    }
    assert_eq!(stack.hook(&same).await.status(), 200);
    assert_eq!(stack.sends().await, 1);
    let row = stack.contact().await;
    assert_eq!(row["opted_out_at"]["N"], at.to_string());
    assert_eq!(row["version"]["N"], "2");
}

#[tokio::test]
async fn stop_and_mulai_at_the_same_moment_leave_the_newer_one() {
    let stack = Stack::start();
    stack.writes(PHONE, "Halo", 1).await;
    let stop = said("m1", PHONE, "STOP", MORNING_SECONDS + 61);
    let start = said("m2", PHONE, "MULAI", MORNING_SECONDS + 60);
    for nth in 0..5 {
        let (one, other) = tokio::join!(stack.hook(&stop), stack.hook(&start));
        assert_eq!(
            (one.status(), other.status()),
            (200.try_into().unwrap(), 200.try_into().unwrap()),
            "{nth}"
        );
    }
    let late = said("m3", PHONE, "MULAI", MORNING_SECONDS + 59);
    assert_eq!(stack.hook(&late).await.status(), 200);
    assert!(stack.contact().await["opted_out_at"]["N"].is_string());
    assert!((1..=2).contains(&stack.sends().await));
}

#[tokio::test]
async fn a_word_that_comes_too_late_for_an_answer_holds_all_the_same() {
    let stack = Stack::start();
    let days_ago = MORNING_SECONDS - 6 * 24 * 60 * 60;
    let late = stack.hook(&said("m1", PHONE, "STOP", days_ago)).await;
    assert_eq!(late.status(), 200);
    assert_eq!(
        stack.contact().await["opted_out_at"]["N"],
        days_ago.to_string()
    );
    assert_eq!(stack.sends().await, 0);
}

#[tokio::test]
async fn e14_what_could_not_be_recorded_is_503_and_recorded_when_meta_repeats() {
    let stack = Stack::start();
    let fault =
        json!({"at": "dynamodb", "fault": "http_500", "op": "TransactWriteItems", "times": 50});
    stack.fault(fault).await;
    assert_eq!(stack.writes(PHONE, "STOP", 1).await, 503);
    assert!(stack.rows_at("CONTACT").await.is_empty());
    assert_eq!(stack.sends().await, 0);
    stack.end_faults().await;
    stack.advance("1m").await;
    assert!(stack.contact().await["opted_out_at"]["N"].is_string());
    assert_eq!(stack.inbox(PHONE).await.len(), 1);
}

#[tokio::test]
async fn e14_a_function_that_dies_around_its_commit_hears_a_word_once() {
    for fault in ["kill_before", "kill_after"] {
        let stack = Stack::start();
        let fault =
            json!({"at": "dynamodb", "fault": fault, "op": "TransactWriteItems", "times": 1});
        stack.fault(fault).await;
        assert_eq!(stack.writes(PHONE, "STOP", 1).await, 502);
        stack.advance("1m").await;
        let row = stack.contact().await;
        assert_eq!(row["version"]["N"], "1");
        assert!(row["opted_out_at"]["N"].is_string());
        // The answer is in the commit: whoever made it need not live on.
        assert_eq!(stack.sends().await, 1);
    }
}

#[tokio::test]
async fn an_answer_that_meta_refuses_for_now_comes_a_little_later() {
    let stack = Stack::start();
    let fault = json!({"at": "whatsapp", "fault": "130429", "op": "messages", "times": 1});
    stack.fault(fault).await;
    assert_eq!(stack.writes(PHONE, "STOP", 1).await, 200);
    assert_eq!(stack.writes(PHONE, "STOP", 1).await, 200);
    assert_eq!(stack.sends().await, 1);
    assert!(stack.contact().await["opted_out_at"]["N"].is_string());
    stack.advance("2m").await;
    assert_eq!(stack.inbox(PHONE).await.len(), 1);
    assert_eq!(stack.sends().await, 2);
}

#[tokio::test]
async fn e10_e11_receipts_are_parsed_apart_and_one_that_is_malformed_spoils_none() {
    let stack = Stack::start();
    let receipt = |nth: usize| {
        json!({"id": format!("wamid.{nth}"), "status": "sent",
               "timestamp": MORNING_SECONDS.to_string(), "recipient_id": PHONE,
               "biz_opaque_callback_data": format!("m-{nth}")})
    };
    let many: Vec<Value> = (0..50).map(receipt).collect();
    let mut bent = many.clone();
    bent[3] = json!({"id": 3});
    let change = |list: &[Value]| statuses(NUMBER, list);
    let mut post = body(ACCOUNT, &[change(&many), change(&bent), change(&many)]);
    let entry = post["entry"][0].clone();
    post["entry"].as_array_mut().unwrap().push(entry);
    let before = stack.rows().await;
    for _ in 0..2 {
        let answer = stack.hook(&post).await;
        assert_eq!(answer.status(), 200);
        let line = stack.line_of(&answer);
        assert_eq!(
            (&line["receipts"], &line["malformed"]),
            (&json!(298), &json!(2))
        );
        // Whose the number is, and the messages, none of which is there.
        assert_eq!(line["round_trips"], 2, "{line}");
    }
    assert_eq!(stack.rows().await, before);
}

#[tokio::test]
async fn e13_a_thousand_people_in_one_post_are_heard_before_the_function_ends() {
    let stack = Stack::start();
    let wrote = |nth: usize| {
        let from = format!("62812100{nth:05}");
        typed(&format!("m{nth}"), &from, "Halo", MORNING_SECONDS)
    };
    let all: Vec<Value> = (0..1_000).map(wrote).collect();
    let post = body(ACCOUNT, &[messages(NUMBER, &all)]);
    let answer = stack.hook(&post).await;
    assert_eq!(answer.status(), 200);
    let line = stack.line_of(&answer);
    // Whose the number is, what is known of ninety-nine people at a time, and one write each.
    assert_eq!(line["round_trips"], 1 + 11 + 1_000, "{line}");
    assert_eq!(stack.rows_at("CONTACT").await.len(), 1_000);

    let written = writes(&stack).await;
    let again = stack.hook(&post).await;
    assert_eq!(stack.line_of(&again)["repeated"], 1_000);
    assert_eq!(writes(&stack).await, written);
}

#[tokio::test]
async fn e11_what_one_person_wrote_costs_two_reads_and_one_write() {
    let stack = Stack::start();
    stack.writes(PHONE, "Halo", 1).await;
    let wrote =
        |nth: i64, text: &str| typed(&format!("m{nth}"), PHONE, text, MORNING_SECONDS + nth);
    let mut all = vec![wrote(1, "Halo"), wrote(2, "STOP"), wrote(2, "STOP")];
    all.extend((3..30).map(|nth| wrote(nth, "Halo?")));
    all.push(wrote(30, "MULAI"));
    let answer = stack.hook(&body(ACCOUNT, &[messages(NUMBER, &all)])).await;
    assert_eq!(answer.status(), 200);
    let line = stack.line_of(&answer);
    // Whose the number is, what is known of the person, whose subscriber they are, and the write.
    assert_eq!(line["round_trips"], 1 + 3, "{line}");
    assert_eq!(
        (&line["messages"], &line["repeated"]),
        (&json!(31), &json!(1))
    );
    let row = stack.contact().await;
    assert_eq!(row["version"]["N"], "2");
    assert_eq!(row["opted_out_at"], Value::Null);
    assert_eq!(row["last_inbound"]["N"], (MORNING_SECONDS + 30).to_string());
    let inbox = stack.inbox(PHONE).await;
    assert_eq!(inbox.len(), 1, "the word that holds: {inbox:?}");
    assert!(inbox[0].starts_with("Terima kasih"), "{inbox:?}");
}

#[tokio::test]
async fn one_post_is_taken_part_by_part() {
    let stack = Stack::start();
    let typed = |id: &str, from: &str, text: &str| typed(id, from, text, MORNING_SECONDS + 60);
    let stranger = messages("7", &[typed("m0", PHONE, "STOP")]);
    let ours = messages(
        NUMBER,
        &[
            typed("m1", "6281200000051", "STOP"),
            json!({"id": 1}),
            typed("m2", "6281200000052", "Halo"),
            typed("m3", "6281200000051", "Mulai lagi"),
        ],
    );
    let answer = stack.hook(&body(ACCOUNT, &[stranger, ours])).await;
    assert_eq!(answer.status(), 200);
    let line = stack.line_of(&answer);
    assert_eq!(
        (&line["messages"], &line["unknown"]),
        (&json!(4), &json!(1))
    );
    let contacts = stack.rows_at("CONTACT").await;
    let hashes: BTreeSet<&str> = contacts
        .iter()
        .map(|row| row["PK"]["S"].as_str().unwrap())
        .collect();
    assert_eq!(hashes.len(), 2);
    assert!(hashes.iter().all(|hash| hash.starts_with("M#demo#PHONE#")));
    let out = |row: &&Value| row["opted_out_at"]["N"].is_string();
    assert_eq!(
        contacts.iter().filter(out).count(),
        1,
        "of one second STOP holds"
    );
}

#[tokio::test]
async fn a_suspended_merchants_people_are_heard_and_not_answered() {
    let stack = Stack::start();
    let operator = pesan_tests::operator::Operator::of(&stack);
    operator.does("pesan whatsapp suspend demo");
    assert_eq!(stack.writes(PHONE, "STOP", 1).await, 200);
    assert!(stack.contact().await["opted_out_at"]["N"].is_string());
    assert_eq!(stack.sends().await, 0);
}

#[tokio::test]
async fn news_of_templates_go_into_the_registry_and_only_forward() {
    let stack = Stack::start();
    let row = stack.template_row("monthly_bill#id").await;
    assert_eq!(row["status"]["M"]["value"]["S"], "APPROVED");
    assert_eq!(row["category"]["M"]["value"]["S"], "utility");
    let decide = |what: Value| {
        let stack = &stack;
        async move {
            let path = "/sandbox/whatsapp-templates/monthly_bill";
            let told = stack.handle(path, &what).await;
            let statuses = told["statuses"].as_array().unwrap();
            assert!(statuses.iter().all(|status| status == 200), "{told}");
        }
    };
    stack.advance("1m").await;
    decide(json!({"event": "PAUSED", "reason": "TAG_CONTENT_MISMATCH", "language": "id"})).await;
    decide(json!({"category": "MARKETING", "quality": "RED", "language": "id"})).await;
    let row = stack.template_row("monthly_bill#id").await;
    let value = |what: &str| row[what]["M"]["value"]["S"].clone();
    assert_eq!(value("status"), "PAUSED");
    assert_eq!(value("category"), "marketing");
    assert_eq!(value("quality"), "RED");
    assert_eq!(row["reason"]["S"], "TAG_CONTENT_MISMATCH");
    let english = stack.template_row("monthly_bill#en").await;
    assert_eq!(english["status"]["M"]["value"]["S"], "APPROVED");

    // What Meta said an hour before comes late; and the newest once more.
    let status = |event: &str, second: i64| {
        let value = json!({"event": event, "message_template_id": 1_i64, "reason": "NONE",
            "message_template_name": "monthly_bill", "message_template_language": "id"});
        let change = json!({"field": "message_template_status_update", "value": value});
        let mut body = body(ACCOUNT, &[change]);
        body["entry"][0]["time"] = json!(second);
        body
    };
    let heard_at: i64 = row["status"]["M"]["heard_at"]["N"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    let before = writes(&stack).await;
    for late in [
        status("APPROVED", heard_at - 3600),
        status("PAUSED", heard_at),
    ] {
        let answer = stack.hook(&late).await;
        assert_eq!(stack.line_of(&answer)["outcome"], "repeated");
    }
    assert_eq!(writes(&stack).await, before);
    assert_eq!(stack.template_row("monthly_bill#id").await, row);
    let mut stranger = status("APPROVED", heard_at + 1);
    stranger["entry"][0]["id"] = json!("7");
    let answer = stack.hook(&stranger).await;
    assert_eq!(stack.line_of(&answer)["outcome"], "unknown number");
    stack.hook(&status("REINSTATED", heard_at + 1)).await;
    let row = stack.template_row("monthly_bill#id").await;
    assert_eq!(row["status"]["M"]["value"]["S"], "APPROVED");
}

#[tokio::test]
async fn what_was_heard_survives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let setup = Setup {
        data: Some(folder.path().to_owned()),
        ..Setup::default()
    };
    let stack = Stack::start_with(&setup);
    stack.writes(PHONE, "STOP", 1).await;
    assert_eq!(stack.inbox(PHONE).await.len(), 1);
    let pushed = stack.rows_at("monthly_bill").await;
    stack.cut();
    let stack = Stack::start_with(&setup);
    assert_eq!(stack.rows_at("monthly_bill").await, pushed);
    assert_eq!(stack.writes(PHONE, "STOP", 1).await, 200);
    assert_eq!(stack.inbox(PHONE).await.len(), 1, "answered before");
}
