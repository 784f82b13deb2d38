use std::collections::HashMap;

use axum::Router;
use axum::extract::Query;
use axum::http::{Method, StatusCode};
use axum::routing::get;
use serde_json::{Value, json};

use super::*;
use crate::whatsapp::webhook::{bytes, signature};

async fn receipts(rig: &Rig, order: Value) {
    let answer = rig.post("/sandbox/whatsapp-receipts", order).await;
    assert_eq!(answer, (200, json!({"ok": true})));
}

async fn billed() -> Rig {
    let rig = rig().await;
    create(&rig, bill_template()).await;
    rig.hook.heard.lock().unwrap().clear();
    rig.hook.raw.lock().unwrap().clear();
    rig
}

#[test]
fn a_signature_is_over_the_escaped_bytes() {
    let empty = br#"{"object":"whatsapp_business_account","entry":[]}"#;
    assert_eq!(
        signature("test_app_secret", empty).unwrap(),
        "sha256=dec6a680679a968e7e0319355b23599cbfc54502c0784668e9618baa0c633756"
    );
    let body = bytes(&json!({"text": "café"}));
    assert_eq!(body, br#"{"text":"caf\u00e9"}"#);
    assert_eq!(
        signature("test_app_secret", &body).unwrap(),
        "sha256=bb4499e58580005a6a1c9d137b099e427574d6dc9190b6d4f88590b2af74e549"
    );
    assert_eq!(bytes(&json!("🙂")), br#""\ud83d\ude42""#);
}

#[tokio::test]
async fn receipts_are_signed_priced_once_and_echo_our_data() {
    let rig = billed().await;
    send(&rig, bill()).await;
    insta::assert_snapshot!(fixed(&json!(rig.hook.bodies())), @r#"
    [
      {
        "entry": [
          {
            "changes": [
              {
                "field": "messages",
                "value": {
                  "messaging_product": "whatsapp",
                  "metadata": {
                    "display_phone_number": "628111000001",
                    "phone_number_id": "1000001"
                  },
                  "statuses": [
                    {
                      "biz_opaque_callback_data": "m-1",
                      "id": "wamid",
                      "pricing": {
                        "billable": true,
                        "category": "utility",
                        "pricing_model": "PMP",
                        "type": "regular"
                      },
                      "recipient_id": "6281200000001",
                      "recipient_user_id": "ID.5620559480194874812",
                      "status": "sent",
                      "timestamp": "seconds"
                    }
                  ]
                }
              }
            ],
            "id": "2000001"
          }
        ],
        "object": "whatsapp_business_account"
      },
      {
        "entry": [
          {
            "changes": [
              {
                "field": "messages",
                "value": {
                  "messaging_product": "whatsapp",
                  "metadata": {
                    "display_phone_number": "628111000001",
                    "phone_number_id": "1000001"
                  },
                  "statuses": [
                    {
                      "biz_opaque_callback_data": "m-1",
                      "id": "wamid",
                      "recipient_id": "6281200000001",
                      "recipient_user_id": "ID.5620559480194874812",
                      "status": "delivered",
                      "timestamp": "seconds"
                    }
                  ]
                }
              }
            ],
            "id": "2000001"
          }
        ],
        "object": "whatsapp_business_account"
      },
      {
        "entry": [
          {
            "changes": [
              {
                "field": "messages",
                "value": {
                  "messaging_product": "whatsapp",
                  "metadata": {
                    "display_phone_number": "628111000001",
                    "phone_number_id": "1000001"
                  },
                  "statuses": [
                    {
                      "biz_opaque_callback_data": "m-1",
                      "id": "wamid",
                      "recipient_id": "6281200000001",
                      "recipient_user_id": "ID.5620559480194874812",
                      "status": "read",
                      "timestamp": "seconds"
                    }
                  ]
                }
              }
            ],
            "id": "2000001"
          }
        ],
        "object": "whatsapp_business_account"
      }
    ]
    "#);
    let (headers, _) = rig.hook.heard.lock().unwrap()[0].clone();
    let raw = rig.hook.raw.lock().unwrap()[0].clone();
    let signed = signature("test_app_secret", &raw).unwrap();
    assert_eq!(headers["x-hub-signature-256"], signed.as_str());
    assert_eq!(rig.get(INBOX).await.1["messages"][0]["status"], "read");
}

#[tokio::test]
async fn a_phone_without_whatsapp_fails_after_the_call_was_accepted() {
    let rig = billed().await;
    let off = json!({"on_whatsapp": false});
    rig.post(&format!("/sandbox/whatsapp-phones/{PHONE}"), off)
        .await;
    assert_eq!(send(&rig, bill()).await.0, 200);
    insta::assert_snapshot!(fixed(&json!(rig.hook.bodies())), @r#"
    [
      {
        "entry": [
          {
            "changes": [
              {
                "field": "messages",
                "value": {
                  "messaging_product": "whatsapp",
                  "metadata": {
                    "display_phone_number": "628111000001",
                    "phone_number_id": "1000001"
                  },
                  "statuses": [
                    {
                      "biz_opaque_callback_data": "m-1",
                      "errors": [
                        {
                          "code": 131026,
                          "error_data": {
                            "details": "Message undeliverable"
                          },
                          "href": "/documentation/business-messaging/whatsapp/support/error-codes",
                          "message": "Message undeliverable",
                          "title": "Message undeliverable"
                        }
                      ],
                      "id": "wamid",
                      "recipient_id": "6281200000001",
                      "recipient_user_id": "ID.5620559480194874812",
                      "status": "failed",
                      "timestamp": "seconds"
                    }
                  ]
                }
              }
            ],
            "id": "2000001"
          }
        ],
        "object": "whatsapp_business_account"
      }
    ]
    "#);
    let said = rig.post(TEXT, json!({"text": "Halo"}));
    assert_eq!(said.await.0, 409);
}

#[tokio::test]
async fn receipts_come_as_ordered() {
    let rig = billed().await;
    for (order, heard, status) in [
        (json!(["read"]), vec!["read"], "read"),
        (
            json!(["delivered", "sent"]),
            vec!["delivered", "sent"],
            "delivered",
        ),
        (json!(["sent", "sent"]), vec!["sent", "sent"], "sent"),
        (
            json!(["delivered", "failed"]),
            vec!["delivered", "failed"],
            "delivered",
        ),
        (
            json!(["failed", "delivered"]),
            vec!["failed", "delivered"],
            "delivered",
        ),
        (json!([]), vec![], "accepted"),
    ] {
        rig.hook.heard.lock().unwrap().clear();
        receipts(&rig, json!({"receipts": order, "times": 1})).await;
        send(&rig, bill()).await;
        assert_eq!(statuses(&rig), heard);
        let inbox = rig.get(INBOX).await.1;
        let last = inbox["messages"]
            .as_array()
            .unwrap()
            .last()
            .unwrap()
            .clone();
        assert_eq!(last["status"], status);
    }
    receipts(&rig, json!({"receipts": ["failed"], "phone": "+62 813 1"})).await;
    rig.hook.heard.lock().unwrap().clear();
    send(&rig, bill()).await;
    assert_eq!(
        statuses(&rig),
        ["sent", "delivered", "read"],
        "another phone's order"
    );
    for wrong in [
        json!({"receipts": ["accepted"]}),
        json!({"receipts": ["sent"], "times": 0}),
        json!({}),
    ] {
        assert_eq!(rig.post("/sandbox/whatsapp-receipts", wrong).await.0, 400);
    }
}

#[tokio::test]
async fn a_receipt_comes_before_the_answer_or_later() {
    let rig = billed().await;
    let late = json!({"status": "failed", "code": 131_049, "after_seconds": 60});
    receipts(&rig, json!({"receipts": ["sent", late], "early": true})).await;
    let answer = graph(&rig, Method::POST, MESSAGES, to(PHONE, bill())).await;
    assert_eq!(statuses(&rig), ["sent"], "the answer was not there yet");
    assert_eq!(answer.0, 200);
    rig.sandbox.run_due().await;
    assert_eq!(statuses(&rig), ["sent"]);
    let due = rig.sandbox.next_due().unwrap().as_millisecond();
    assert!((59_000..=60_000).contains(&(due - rig.sandbox.0.clock.now_millis())));
    rig.advance(60);
    rig.sandbox.run_due().await;
    assert_eq!(statuses(&rig), ["sent", "failed"]);
    let last = rig.hook.bodies().pop().unwrap();
    let errors = &last["entry"][0]["changes"][0]["value"]["statuses"][0]["errors"];
    assert_eq!(errors[0]["code"], 131_049);
}

#[tokio::test]
async fn what_people_say_and_press_arrives() {
    let rig = billed().await;
    write(&rig, "Halo, é").await;
    insta::assert_snapshot!(fixed(&rig.hook.bodies()[0]), @r#"
    {
      "entry": [
        {
          "changes": [
            {
              "field": "messages",
              "value": {
                "contacts": [
                  {
                    "profile": {
                      "name": "Budi"
                    },
                    "user_id": "ID.5620559480194874812",
                    "wa_id": "6281200000001"
                  }
                ],
                "messages": [
                  {
                    "from": "6281200000001",
                    "from_user_id": "ID.5620559480194874812",
                    "id": "wamid",
                    "text": {
                      "body": "Halo, é"
                    },
                    "timestamp": "seconds",
                    "type": "text"
                  }
                ],
                "messaging_product": "whatsapp",
                "metadata": {
                  "display_phone_number": "628111000001",
                  "phone_number_id": "1000001"
                }
              }
            }
          ],
          "id": "2000001"
        }
      ],
      "object": "whatsapp_business_account"
    }
    "#);
    send(&rig, bill()).await;
    let press = |body| rig.post(PRESS, body);
    assert_eq!(
        press(json!({"button": "Bay"})).await.1,
        json!({"url": "https://pesan.example/b/Ab3"})
    );
    assert_eq!(
        press(json!({"button": "Setuj"})).await,
        (200, json!({"ok": true, "status": 200}))
    );
    let quick = rig.hook.bodies().pop().unwrap();
    insta::assert_snapshot!(fixed(&quick["entry"][0]["changes"][0]["value"]["messages"]), @r#"
    [
      {
        "button": {
          "payload": "yes-1",
          "text": "Setujui"
        },
        "context": {
          "from": "628111000001",
          "id": "wamid"
        },
        "from": "6281200000001",
        "from_user_id": "ID.5620559480194874812",
        "id": "wamid",
        "timestamp": "seconds",
        "type": "button"
      }
    ]
    "#);
    assert_eq!(press(json!({"button": "Tolak"})).await.0, 200);
    let own = rig.hook.bodies().pop().unwrap();
    let message = &own["entry"][0]["changes"][0]["value"]["messages"][0];
    assert_eq!(
        message["button"]["payload"], "Tolak",
        "no payload was sent with it"
    );
    let missing = press(json!({"button": "Nanti"})).await;
    assert_eq!(
        (missing.0, &missing.1["buttons"]),
        (404, &json!(["Bayar", "Setujui", "Tolak"]))
    );
    assert_eq!(press(json!({"button": ""})).await.0, 404);
    assert_eq!(
        press(json!({"button": "Tolak", "merchant": "no"})).await.0,
        404
    );
    assert_eq!(
        press(json!({"button": "Tolak", "merchant": "demo2"}))
            .await
            .1["buttons"],
        json!([])
    );
}

#[tokio::test]
async fn interactive_replies_arrive() {
    let rig = billed().await;
    write(&rig, "Halo").await;
    send(
        &rig,
        json!({"type": "interactive", "interactive": {"type": "button",
        "body": {"text": "Bayar?"}, "action": {"buttons": [
            {"type": "reply", "reply": {"id": "pay-1", "title": "Bayar"}}]}}}),
    )
    .await;
    let press = |button: &str| rig.post(PRESS, json!({"button": button}));
    press("Bayar").await;
    let reply = rig.hook.bodies().pop().unwrap();
    insta::assert_snapshot!(fixed(&reply["entry"][0]["changes"][0]["value"]["messages"]), @r#"
    [
      {
        "context": {
          "from": "628111000001",
          "id": "wamid"
        },
        "from": "6281200000001",
        "from_user_id": "ID.5620559480194874812",
        "id": "wamid",
        "interactive": {
          "button_reply": {
            "id": "pay-1",
            "title": "Bayar"
          },
          "type": "button_reply"
        },
        "timestamp": "seconds",
        "type": "interactive"
      }
    ]
    "#);
    send(
        &rig,
        json!({"type": "interactive", "interactive": {"type": "list",
        "body": {"text": "Pilih"}, "action": {"button": "Lihat", "sections": [{"rows": [
            {"id": "inv-1", "title": "November", "description": "Rp150.000"}]}]}}}),
    )
    .await;
    press("November").await;
    let row = rig.hook.bodies().pop().unwrap();
    insta::assert_snapshot!(fixed(&row["entry"][0]["changes"][0]["value"]["messages"]), @r#"
    [
      {
        "context": {
          "from": "628111000001",
          "id": "wamid"
        },
        "from": "6281200000001",
        "from_user_id": "ID.5620559480194874812",
        "id": "wamid",
        "interactive": {
          "list_reply": {
            "description": "Rp150.000",
            "id": "inv-1",
            "title": "November"
          },
          "type": "list_reply"
        },
        "timestamp": "seconds",
        "type": "interactive"
      }
    ]
    "#);
}

#[tokio::test]
async fn who_hides_the_number_is_named_by_user_id_alone() {
    let rig = billed().await;
    let hides = json!({"hides_number": true, "name": "Sari"});
    rig.post(&format!("/sandbox/whatsapp-phones/{PHONE}"), hides)
        .await;
    write(&rig, "Halo").await;
    insta::assert_snapshot!(fixed(&rig.hook.bodies()[0]["entry"][0]["changes"][0]["value"]), @r#"
    {
      "contacts": [
        {
          "profile": {
            "name": "Sari"
          },
          "user_id": "ID.5620559480194874812"
        }
      ],
      "messages": [
        {
          "from_user_id": "ID.5620559480194874812",
          "id": "wamid",
          "text": {
            "body": "Halo"
          },
          "timestamp": "seconds",
          "type": "text"
        }
      ],
      "messaging_product": "whatsapp",
      "metadata": {
        "display_phone_number": "628111000001",
        "phone_number_id": "1000001"
      }
    }
    "#);
    send(&rig, bill()).await;
    let receipt = rig.hook.bodies().pop().unwrap();
    let receipt = &receipt["entry"][0]["changes"][0]["value"]["statuses"][0];
    assert_eq!(receipt["recipient_id"], Value::Null);
    assert!(receipt["recipient_user_id"].is_string());
}

#[tokio::test]
async fn webhooks_are_lost_doubled_and_held_on_order() {
    let rig = billed().await;
    let bend = |body| rig.post("/sandbox/whatsapp-webhooks", body);
    bend(json!({"lose": 2})).await;
    send(&rig, bill()).await;
    assert_eq!(statuses(&rig), ["read"]);
    rig.hook.heard.lock().unwrap().clear();
    rig.post(TEXT, json!({"text": "STOP", "times": 2})).await;
    let heard = rig.hook.bodies();
    assert_eq!((heard.len(), &heard[0]), (2, &heard[1]));
    let lost = rig.post(TEXT, json!({"text": "STOP", "times": 0})).await;
    assert_eq!(lost.1["status"], Value::Null);
    rig.hook.heard.lock().unwrap().clear();
    bend(json!({"hold": true})).await;
    send(&rig, bill()).await;
    rig.post(TEXT, json!({"text": "satu"})).await;
    rig.post(TEXT, json!({"text": "dua"})).await;
    let other = json!({"text": "tiga", "merchant": "demo2"});
    rig.post(TEXT, other).await;
    rig.post(
        "/sandbox/whatsapp-templates/bill",
        json!({"quality": "GREEN"}),
    )
    .await;
    assert!(rig.hook.bodies().is_empty());
    let released = bend(json!({"hold": false})).await;
    assert_eq!(released.1, json!({"ok": true, "statuses": [200]}));
    let heard = rig.hook.bodies();
    let entries = heard[0]["entry"].as_array().unwrap();
    let changes = |entry: usize| entries[entry]["changes"].as_array().unwrap();
    assert_eq!(
        (
            heard.len(),
            entries.len(),
            changes(0).len(),
            changes(1).len()
        ),
        (1, 2, 3, 1)
    );
    assert_eq!(
        changes(0)[0]["value"]["statuses"].as_array().unwrap().len(),
        3
    );
    assert_eq!(
        changes(0)[1]["value"]["messages"].as_array().unwrap().len(),
        2
    );
    assert_eq!(
        changes(0)[1]["value"]["contacts"].as_array().unwrap().len(),
        2
    );
}

#[tokio::test]
async fn anything_but_200_is_sent_again_with_growing_pauses_for_seven_days() {
    let rig = billed().await;
    receipts(&rig, json!({"receipts": ["sent"]})).await;
    rig.hook.answers(500, 1);
    rig.hook.answers(204, 1);
    send(&rig, bill()).await;
    let pause = |rig: &Rig| {
        let due = rig.sandbox.next_due().unwrap().as_millisecond();
        due - rig.sandbox.0.clock.now_millis()
    };
    assert!((4_000..=5_000).contains(&pause(&rig)));
    rig.sandbox.run_due().await;
    assert_eq!(statuses(&rig).len(), 1, "not due yet");
    rig.advance(5);
    rig.sandbox.run_due().await;
    assert!((9_000..=10_000).contains(&pause(&rig)), "204 is not 200");
    rig.advance(10);
    rig.sandbox.run_due().await;
    let heard = rig.hook.raw.lock().unwrap().clone();
    assert_eq!((heard.len(), &heard[0]), (3, &heard[2]));
    assert_eq!(rig.sandbox.next_due(), None);
    rig.hook.answers(503, 100);
    send(&rig, bill()).await;
    let mut tries = 1;
    while let Some(due) = rig.sandbox.next_due() {
        let wait = due.as_millisecond() - rig.sandbox.0.clock.now_millis();
        rig.advance(wait / 1000 + 1);
        rig.sandbox.run_due().await;
        tries += 1;
    }
    assert_eq!(
        tries, 41,
        "the pauses double up to six hours, for seven days"
    );
}

#[tokio::test]
async fn a_receipt_on_its_way_survives_a_restart() {
    let file = std::env::temp_dir().join(format!("pesan-sandbox-{}.json", crate::fresh_id()));
    let rig = Rig::with_file(Some(file.clone())).await;
    start(&rig);
    create(&rig, bill_template()).await;
    rig.hook.answers(503, 3);
    // Some are under way, some were answered.
    graph(&rig, Method::POST, MESSAGES, to(PHONE, bill())).await;
    let again = Rig::with_file(Some(file.clone())).await;
    start(&again);
    again.advance(10);
    again.sandbox.run_due().await;
    let mut heard = statuses(&again);
    heard.sort();
    assert_eq!(heard, ["delivered", "read", "sent"]);
    assert_eq!(again.get(INBOX).await.1["messages"][0]["template"], "bill");
    assert_eq!(code(&send(&again, bill()).await), (200, 0));
    settled(&rig).await;
    std::fs::remove_file(file).unwrap();
}

#[tokio::test]
async fn an_account_that_is_not_subscribed_tells_nothing() {
    let rig = billed().await;
    let apps = |method| graph(&rig, method, "2000001/subscribed_apps", json!({}));
    assert_eq!(apps(Method::DELETE).await, (200, json!({"success": true})));
    assert_eq!(apps(Method::GET).await.1, json!({"data": []}));
    send(&rig, bill()).await;
    assert!(rig.hook.bodies().is_empty());
    assert_eq!(apps(Method::POST).await.1, json!({"success": true}));
    assert_eq!(
        apps(Method::GET).await.1["data"].as_array().unwrap().len(),
        1
    );
    send(&rig, bill()).await;
    assert_eq!(statuses(&rig).len(), 3);
}

#[tokio::test]
async fn the_verification_wants_the_bare_challenge() {
    let rig = rig().await;
    let verify = |body| rig.post("/sandbox/whatsapp-verify", body);
    let served = Router::new().route(
        "/whatsapp",
        get(|Query(query): Query<HashMap<String, String>>| async move {
            if query["hub.mode"] == "subscribe" && query["hub.verify_token"] == "demo-verify-token"
            {
                (StatusCode::OK, query["hub.challenge"].clone())
            } else {
                (StatusCode::FORBIDDEN, String::new())
            }
        }),
    );
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let webhook_url = format!("http://{}/whatsapp", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, served).await.unwrap() });
    rig.sandbox.set_whatsapp_app(crate::WhatsAppApp {
        app_secret: "test_app_secret".to_owned(),
        webhook_url,
        verify_token: "demo-verify-token".to_owned(),
    });
    let good = json!({"ok": true, "verified": true, "status": 200});
    assert_eq!(verify(json!({})).await.1, good);
    let bad = json!({"ok": true, "verified": false, "status": 403});
    assert_eq!(verify(json!({"verify_token": "other"})).await.1, bad);
    assert_eq!(verify(json!({"mode": "unsubscribe"})).await.1, bad);
}
