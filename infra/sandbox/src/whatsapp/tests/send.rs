use axum::http::{Method, Request};
use serde_json::{Value, json};

use super::*;

#[tokio::test]
async fn a_call_without_a_good_token_or_an_object_is_refused() {
    let rig = rig().await;
    let path = format!("/sandbox/graph.facebook.com/v23.0/{MESSAGES}");
    let bare = Request::post(&path)
        .body(axum::body::Body::empty())
        .unwrap();
    assert_eq!(rig.raw(bare).await.0, 401);
    let wrong = graph_as(&rig, "other", Method::POST, MESSAGES, json!({})).await;
    assert_eq!(wrong.0, 401);
    insta::assert_snapshot!(fixed(&wrong.1), @r#"
    {
      "error": {
        "code": 190,
        "fbtrace_id": "trace",
        "message": "Invalid OAuth access token - Cannot parse access token",
        "type": "OAuthException"
      }
    }
    "#);
    let unknown = graph(&rig, Method::POST, "1000009/messages", json!({})).await;
    assert_eq!(unknown.0, 400);
    insta::assert_snapshot!(fixed(&unknown.1), @r#"
    {
      "error": {
        "code": 100,
        "error_subcode": 33,
        "fbtrace_id": "trace",
        "message": "Unsupported post request. Object with ID '1000009' does not exist, cannot be loaded due to missing permissions, or does not support this operation",
        "type": "GraphMethodException"
      }
    }
    "#);
    let others = graph(&rig, Method::POST, "1000002/messages", json!({})).await;
    assert_eq!(others.1["error"]["error_subcode"], 33);
    let nowhere = graph(&rig, Method::POST, "1000001/nothing", json!({})).await;
    assert_eq!(code(&nowhere), (400, 2500));
    let get = graph(&rig, Method::GET, MESSAGES, json!({})).await;
    assert_eq!(code(&get), (400, 2500));
    let number = rig.get("/sandbox/graph.facebook.com/1000001").await;
    assert_eq!(code(&number), (400, 2500));
}

#[tokio::test]
async fn a_malformed_message_is_refused() {
    let rig = rig().await;
    write(&rig, "Halo").await;
    let at = format!("/sandbox/graph.facebook.com/v23.0/{MESSAGES}");
    let broken = Request::post(at)
        .header("authorization", "Bearer demo-token")
        .body(axum::body::Body::from("{"))
        .unwrap();
    assert_eq!(rig.raw(broken).await.0, 400);
    let no_product = graph(&rig, Method::POST, MESSAGES, json!({"to": "+62812"})).await;
    assert_eq!(code(&no_product), (400, 100));
    insta::assert_snapshot!(fixed(&no_product.1), @r#"
    {
      "error": {
        "code": 100,
        "error_data": {
          "details": "The parameter messaging_product is required.",
          "messaging_product": "whatsapp"
        },
        "fbtrace_id": "trace",
        "message": "(#100) Invalid parameter",
        "type": "OAuthException"
      }
    }
    "#);
    let no_one = json!({"messaging_product": "whatsapp", "type": "text"});
    assert_eq!(
        code(&graph(&rig, Method::POST, MESSAGES, no_one).await),
        (400, 100)
    );
    let own = to("628111000001", text("Halo"));
    assert_eq!(
        code(&graph(&rig, Method::POST, MESSAGES, own).await),
        (400, 131_021)
    );
    for (message, refused) in [
        (json!({"to": "08x12345678", "type": "text"}), 131_009),
        (json!({"to": "+6281", "type": "text"}), 131_009),
        (json!({"type": "sticker"}), 131_009),
        (json!({"type": "text"}), 131_008),
        (text(&"é".repeat(4097)), 131_009),
        (json!({"type": "template"}), 131_008),
        (json!({"type": "interactive"}), 131_008),
        (json!({"status": "read", "message_id": "wamid.x"}), 131_009),
        (
            json!({"biz_opaque_callback_data": "x".repeat(513)}),
            131_009,
        ),
    ] {
        let answer = send(&rig, message.clone()).await;
        assert_eq!(code(&answer), (400, refused), "{message}");
    }
    assert_eq!(send(&rig, text(&"é".repeat(4096))).await.0, 200);
}

#[tokio::test]
async fn free_text_waits_for_the_persons_own_word() {
    let rig = rig().await;
    let early = send(&rig, text("Halo")).await;
    assert_eq!(early.0, 400);
    insta::assert_snapshot!(fixed(&early.1), @r#"
    {
      "error": {
        "code": 131047,
        "error_data": {
          "details": "Message failed to send because more than 24 hours have passed since the customer last replied to this number.",
          "messaging_product": "whatsapp"
        },
        "fbtrace_id": "trace",
        "message": "(#131047) Re-engagement message",
        "type": "OAuthException"
      }
    }
    "#);
    write(&rig, "Halo juga").await;
    let (status, answer) = send(&rig, text("Halo")).await;
    assert_eq!(status, 200);
    insta::assert_snapshot!(fixed(&answer), @r#"
    {
      "contacts": [
        {
          "input": "+6281200000001",
          "wa_id": "6281200000001"
        }
      ],
      "messages": [
        {
          "id": "wamid"
        }
      ],
      "messaging_product": "whatsapp"
    }
    "#);
    let thread = rig.get("/sandbox/whatsapp-phones").await.1;
    let theirs = &thread["phones"][0]["thread"][0];
    assert_eq!(
        (&theirs["from"], &theirs["text"]),
        (&json!("person"), &json!("Halo juga"))
    );
    let seen = json!({"status": "read", "message_id": theirs["id"]});
    assert_eq!(send(&rig, seen).await, (200, json!({"success": true})));
    rig.advance(24 * 60 * 60);
    assert_eq!(code(&send(&rig, text("Halo")).await), (400, 131_047));
}

#[tokio::test]
async fn a_template_is_rendered_with_its_parameters() {
    let rig = rig().await;
    create(&rig, bill_template()).await;
    let (status, answer) = send(&rig, bill()).await;
    assert_eq!(
        (status, &answer["messages"][0]["message_status"]),
        (200, &json!("accepted"))
    );
    assert_eq!(
        answer["contacts"],
        json!([{"input": "+6281200000001", "wa_id": PHONE}])
    );
    insta::assert_snapshot!(fixed(&rig.get(INBOX).await.1), @r#"
    {
      "messages": [
        {
          "buttons": [
            {
              "text": "Bayar",
              "url": "https://pesan.example/b/Ab3"
            },
            {
              "payload": "yes-1",
              "text": "Setujui"
            },
            {
              "payload": "Tolak",
              "text": "Tolak"
            }
          ],
          "id": "wamid",
          "status": "read",
          "template": "bill",
          "text": "Halo {{2}} & é, tagihan Anda Rp150.000 jatuh tempo.\n\nBalas STOP untuk berhenti"
        }
      ]
    }
    "#);
}

#[tokio::test]
async fn a_code_stands_in_the_body_and_on_the_button() {
    let rig = rig().await;
    create(&rig, code_template()).await;
    for (message, refused) in [
        (otp("123456", "654321"), 132_018),
        (otp("1234567890123456", "1234567890123456"), 132_018),
    ] {
        assert_eq!(code(&send(&rig, message).await), (400, refused));
    }
    let mut bare = otp("123456", "123456");
    bare["template"]["components"].as_array_mut().unwrap().pop();
    let bare = send(&rig, bare).await;
    assert_eq!(code(&bare), (400, 131_008));
    assert_eq!(send(&rig, otp("123456", "123456")).await.0, 200);
    let (_, inbox) = rig.get(INBOX).await;
    assert_eq!(
        inbox["messages"][0]["text"],
        "*123456* is your verification code. For your security, do not share this code.\n\n\
         This code expires in 5 minutes."
    );
    let button = json!({"text": "Copy Code", "code": "123456"});
    assert_eq!(inbox["messages"][0]["buttons"], json!([button]));
    let copied = rig.post(PRESS, json!({"button": "Copy"}));
    assert_eq!(copied.await, (200, json!({"code": "123456"})));
}

#[tokio::test]
async fn a_template_that_does_not_fit_is_refused() {
    let rig = rig().await;
    create(&rig, bill_template()).await;
    let bent = |pointer: &str, value: Value| {
        let mut message = bill();
        *message.pointer_mut(pointer).unwrap() = value;
        message
    };
    let first = "/template/components/0/parameters/0";
    for (message, refused) in [
        (bent("/template/name", json!("none")), (404, 132_001)),
        (bent("/template/language/code", json!("en")), (404, 132_001)),
        (
            bent("/template/components/0/parameters", json!([])),
            (400, 132_000),
        ),
        (
            bent("/template/components/1/parameters", json!([])),
            (400, 131_008),
        ),
        (
            bent("/template/components/1/sub_type", json!("quick_reply")),
            (400, 131_009),
        ),
        (
            bent("/template/components/2/index", json!("7")),
            (400, 131_009),
        ),
        (bent(first, json!({"type": "currency"})), (400, 132_012)),
        (
            bent(
                first,
                json!({"type": "text", "parameter_name": "a", "text": "x"}),
            ),
            (400, 132_012),
        ),
        (
            bent(first, json!({"type": "text", "text": ""})),
            (400, 131_008),
        ),
        (
            bent(first, json!({"type": "text", "text": "a\nb"})),
            (400, 132_018),
        ),
        (
            bent(first, json!({"type": "text", "text": "a     b"})),
            (400, 132_018),
        ),
        (
            bent(first, json!({"type": "text", "text": "x".repeat(1000)})),
            (400, 132_005),
        ),
    ] {
        let answer = send(&rig, message.clone()).await;
        assert_eq!(code(&answer), refused, "{message}");
    }
    let few = send(&rig, bent("/template/components/0/parameters", json!([]))).await;
    insta::assert_snapshot!(few.1["error"]["error_data"]["details"].as_str().unwrap(), @"body: number of localizable_params (0) does not match the expected number of params (2)");
    assert_eq!(rig.get(INBOX).await.1, json!({"messages": []}));
}

#[tokio::test]
async fn named_parameters_go_by_their_names() {
    let rig = rig().await;
    let template = json!({
        "name": "named", "language": "en", "category": "UTILITY", "parameter_format": "named",
        "components": [{"type": "BODY", "text": "Dear {{who}}, on {{day}} please.",
            "example": {"body_text_named_params": [
                {"param_name": "who", "example": "Budi"}, {"param_name": "day", "example": "1"}]}}],
    });
    assert_eq!(create(&rig, template).await.0, 200);
    let message = |names: [&str; 2]| {
        let parameter = |name: &str| json!({"type": "text", "parameter_name": name, "text": name});
        json!({"type": "template", "template": {"name": "named", "language": {"code": "en"},
            "components": [{"type": "body", "parameters": names.map(parameter)}]}})
    };
    assert_eq!(
        code(&send(&rig, message(["who", "who"])).await),
        (400, 132_012)
    );
    assert_eq!(
        code(&send(&rig, message(["who", "when"])).await),
        (400, 132_012)
    );
    assert_eq!(send(&rig, message(["day", "who"])).await.0, 200);
    let (_, inbox) = rig.get(INBOX).await;
    assert_eq!(inbox["messages"][0]["text"], "Dear who, on day please.");
}

#[tokio::test]
async fn interactive_messages_keep_their_limits() {
    let rig = rig().await;
    write(&rig, "Halo").await;
    let reply =
        |id: &str, title: &str| json!({"type": "reply", "reply": {"id": id, "title": title}});
    let buttons = |buttons: Vec<Value>| {
        json!({"type": "interactive", "interactive": {"type": "button",
            "body": {"text": "Bayar?"}, "action": {"buttons": buttons}}})
    };
    let rows = |count: usize, title: &str| {
        let row = |number| json!({"id": format!("r{number}"), "title": title, "description": "d"});
        let rows: Vec<Value> = (0..count).map(row).collect();
        json!({"type": "interactive", "interactive": {"type": "list", "body": {"text": "Pilih"},
            "action": {"button": "Lihat", "sections": [{"title": "Tagihan", "rows": rows}]}}})
    };
    let long = "x".repeat(21);
    for (message, refused) in [
        (buttons(vec![]), 131_009),
        (buttons(vec![reply("a", "A"), reply("b", "A")]), 131_009),
        (buttons(vec![reply("a", "A"), reply("a", "B")]), 131_009),
        (buttons(vec![reply("a", &long)]), 131_009),
        (buttons(vec![reply("", "A")]), 131_008),
        (
            buttons(["A", "B", "C", "D"].map(|one| reply(one, one)).to_vec()),
            131_009,
        ),
        (rows(11, "A"), 131_009),
        (rows(1, &"x".repeat(25)), 131_009),
        (
            json!({"type": "interactive", "interactive": {"type": "flow"}}),
            131_009,
        ),
    ] {
        let answer = send(&rig, message.clone()).await;
        assert_eq!(code(&answer), (400, refused), "{message}");
    }
    assert_eq!(send(&rig, rows(10, "A")).await.0, 200);
    let link = json!({"type": "interactive", "interactive": {"type": "cta_url",
        "body": {"text": "Bayar"}, "action": {"name": "cta_url",
            "parameters": {"display_text": "Bayar", "url": "https://x.id/i/1"}}}});
    assert_eq!(send(&rig, link).await.0, 200);
    let opened = rig.post(PRESS, json!({"button": "Bayar"}));
    assert_eq!(opened.await.1, json!({"url": "https://x.id/i/1"}));
}

#[tokio::test]
async fn a_number_without_a_plus_gets_the_business_country() {
    let rig = rig().await;
    create(&rig, bill_template()).await;
    for (to, wa_id) in [
        ("6281200000001", "6281200000001"),
        ("+62 812-0000-0001", "6281200000001"),
        ("081200000001", "62081200000001"),
        ("1 (631) 555-1234", "6216315551234"),
        ("+1 (631) 555-1234", "16315551234"),
    ] {
        let mut message = super::to(PHONE, bill());
        message["to"] = json!(to);
        let (_, answer) = graph(&rig, Method::POST, MESSAGES, message).await;
        assert_eq!(answer["contacts"][0], json!({"input": to, "wa_id": wa_id}));
    }
    settled(&rig).await;
    let nobody = rig.get("/sandbox/whatsapp/62081200000001").await.1;
    assert_eq!(nobody["messages"][0]["status"], "failed");
}

#[tokio::test]
async fn a_hidden_number_is_reached_by_its_user_id() {
    let rig = rig().await;
    create(&rig, bill_template()).await;
    create(&rig, code_template()).await;
    let hides = json!({"hides_number": true, "name": "Sari"});
    rig.post(&format!("/sandbox/whatsapp-phones/{PHONE}"), hides)
        .await;
    let (_, shown) = rig.get("/sandbox/whatsapp-phones").await;
    let user = &shown["phones"][0]["user_id"];
    assert!(user.as_str().unwrap().starts_with("ID."));
    let by_user = |message: Value, user: &Value| {
        let mut message = super::to(PHONE, message);
        message.as_object_mut().unwrap().remove("to");
        message["recipient"] = user.clone();
        message
    };
    let (status, answer) = graph(&rig, Method::POST, MESSAGES, by_user(bill(), user)).await;
    let contact = json!({"input": user, "user_id": user});
    assert_eq!((status, &answer["contacts"][0]), (200, &contact));
    let otp = by_user(otp("1", "1"), user);
    assert_eq!(
        code(&graph(&rig, Method::POST, MESSAGES, otp).await),
        (400, 131_009)
    );
    let nobody = by_user(bill(), &json!("ID.1"));
    assert_eq!(
        code(&graph(&rig, Method::POST, MESSAGES, nobody).await),
        (400, 131_026)
    );
}

#[tokio::test]
async fn a_fault_on_order_comes_in_metas_words() {
    let rig = rig().await;
    for (fault, status, code) in [
        ("130429", 400, 130_429),
        ("131056", 400, 131_056),
        ("190", 401, 190),
        ("132001", 404, 132_001),
        ("131016", 503, 131_016),
        ("100", 400, 100),
        ("368", 403, 368),
        ("4", 400, 4),
        ("0", 401, 0),
        ("http_500", 500, 2),
        ("503", 503, 2),
        ("429", 429, 4),
        ("throttle", 400, 130_429),
        ("conflict", 409, 1),
    ] {
        rig.post(
            "/sandbox/faults",
            json!({"at": "whatsapp", "fault": fault, "op": "messages"}),
        )
        .await;
        let answer = send(&rig, bill()).await;
        assert_eq!(super::code(&answer), (status, code), "{fault}");
    }
    rig.post(
        "/sandbox/faults",
        json!({"at": "whatsapp", "fault": "131056"}),
    )
    .await;
    insta::assert_snapshot!(fixed(&send(&rig, bill()).await.1), @r#"
    {
      "error": {
        "code": 131056,
        "error_data": {
          "details": "a fault on order",
          "messaging_product": "whatsapp"
        },
        "fbtrace_id": "trace",
        "message": "(#131056) (Business Account, Consumer Account) pair rate limit hit",
        "type": "OAuthException"
      }
    }
    "#);
    let (_, log) = rig.get("/sandbox/log/whatsapp").await;
    assert_eq!(log[0]["op"], "messages");
}

#[tokio::test]
async fn what_is_done_and_whose_answer_is_lost_still_tells_by_its_receipts() {
    let rig = rig().await;
    create(&rig, bill_template()).await;
    let lost = json!({"at": "whatsapp", "fault": "timeout_after", "op": "messages"});
    rig.post("/sandbox/faults", lost).await;
    let request = Request::post(format!("/sandbox/graph.facebook.com/v23.0/{MESSAGES}"))
        .header("authorization", "Bearer demo-token")
        .body(axum::body::Body::from(super::to(PHONE, bill()).to_string()))
        .unwrap();
    rig.raw(request).await;
    settled(&rig).await;
    let last = rig.hook.bodies().pop().unwrap();
    let receipt = &last["entry"][0]["changes"][0]["value"]["statuses"][0];
    assert_eq!(
        (&receipt["status"], &receipt["biz_opaque_callback_data"]),
        (&json!("read"), &json!("m-1"))
    );
}
