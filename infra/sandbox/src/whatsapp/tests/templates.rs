use axum::http::Method;
use serde_json::{Value, json};

use super::*;

fn body_of(template: &mut Value) -> &mut Value {
    &mut template["components"][0]["text"]
}

#[tokio::test]
async fn a_template_is_pending_then_approved() {
    let rig = rig().await;
    let (status, answer) = create(&rig, bill_template()).await;
    assert_eq!(
        (status, &answer["status"], &answer["category"]),
        (200, &json!("PENDING"), &json!("UTILITY"))
    );
    assert!(answer["id"].is_string());
    insta::assert_snapshot!(fixed(&rig.hook.bodies()[0]), @r#"
    {
      "entry": [
        {
          "changes": [
            {
              "field": "message_template_status_update",
              "value": {
                "event": "APPROVED",
                "message_template_category": "UTILITY",
                "message_template_id": "number",
                "message_template_language": "id",
                "message_template_name": "bill",
                "reason": "NONE"
              }
            }
          ],
          "id": "2000001",
          "time": "seconds"
        }
      ],
      "object": "whatsapp_business_account"
    }
    "#);
    let again = create(&rig, bill_template()).await;
    assert_eq!(again.1["error"]["error_subcode"], 2_388_024);
    let (_, page) = graph(&rig, Method::GET, TEMPLATES, json!({})).await;
    assert_eq!(page["data"][0]["status"], "APPROVED");
    assert_eq!(
        page["data"][0]["components"][2]["buttons"][0]["type"],
        "URL"
    );
}

#[tokio::test]
async fn a_template_that_meta_would_not_take_is_refused() {
    let rig = rig().await;
    let bent = |pointer: &str, value: Value| {
        let mut template = bill_template();
        *template.pointer_mut(pointer).unwrap() = value;
        template
    };
    let text = "/components/0/text";
    let url = "/components/2/buttons/0/url";
    for (template, subcode) in [
        (bent("/name", json!("Bill")), None),
        (bent("/name", json!("b".repeat(513))), None),
        (bent("/language", json!("Indonesia")), None),
        (bent("/category", json!("other")), None),
        (bent("/components", json!([])), None),
        (bent(text, json!("{{1}} dan {{2}} ada.")), Some(2_388_299)),
        (bent(text, json!("Ada {{1}} dan {{2}}")), Some(2_388_299)),
        (bent(text, json!("A{{1}}{{2}} {{3}}.")), Some(2_388_293)),
        (bent(text, json!("Ada {{2}} dan {{3}} di sini.")), None),
        (bent(text, json!("Ada {{1}} di sini.")), None),
        (bent(text, json!("x".repeat(1025))), None),
        (bent("/components/1/text", json!("x".repeat(61))), None),
        (
            bent("/components/2/buttons/0/text", json!("x".repeat(26))),
            None,
        ),
        (bent(url, json!("https://x.id/{{1}}/y")), None),
        (bent(url, json!("tautan")), None),
        (bent("/components/2/buttons/0/example", json!([])), None),
        (bent("/components/2/buttons", json!([])), None),
    ] {
        let answer = create(&rig, template.clone()).await;
        assert_eq!(code(&answer), (400, 100), "{template}");
        assert_eq!(
            answer.1["error"]["error_subcode"].as_u64(),
            subcode,
            "{template}"
        );
    }
    for pointer in [
        "/components/0/text",
        "/components/1/code_expiration_minutes",
    ] {
        let mut template = code_template();
        let field = template.pointer("/components").unwrap().clone();
        drop(field);
        match pointer {
            "/components/0/text" => template["components"][0]["text"] = json!("Kode {{1}} ini."),
            _ => template["components"][1]["code_expiration_minutes"] = json!(91),
        }
        assert_eq!(code(&create(&rig, template).await), (400, 100), "{pointer}");
    }
}

#[tokio::test]
async fn variables_side_by_side_fail_the_review() {
    let rig = rig().await;
    let mut template = bill_template();
    *body_of(&mut template) = json!("Halo Kak {{1}} {{2}} ya.");
    assert_eq!(create(&rig, template).await.1["status"], "PENDING");
    insta::assert_snapshot!(fixed(&rig.hook.bodies()[0]), @r#"
    {
      "entry": [
        {
          "changes": [
            {
              "field": "message_template_status_update",
              "value": {
                "event": "REJECTED",
                "message_template_category": "UTILITY",
                "message_template_id": "number",
                "message_template_language": "id",
                "message_template_name": "bill",
                "reason": "INVALID_FORMAT",
                "rejection_info": {
                  "reason": "Variables stand side by side.",
                  "recommendation": "Put words between the variables."
                }
              }
            }
          ],
          "id": "2000001",
          "time": "seconds"
        }
      ],
      "object": "whatsapp_business_account"
    }
    "#);
    assert_eq!(code(&send(&rig, bill()).await), (404, 132_001));
}

#[tokio::test]
async fn a_review_by_hand_and_metas_later_decisions() {
    let rig = rig().await;
    rig.post("/sandbox/whatsapp-templates", json!({"review": "by_hand"}))
        .await;
    create(&rig, bill_template()).await;
    assert!(rig.hook.bodies().is_empty());
    assert_eq!(code(&send(&rig, bill()).await), (404, 132_001));
    for (event, refused) in [
        ("APPROVED", 200),
        ("PAUSED", 132_015),
        ("REINSTATED", 200),
        ("FLAGGED", 200),
        ("DISABLED", 132_016),
        ("REJECTED", 132_001),
    ] {
        let decided = rig.post("/sandbox/whatsapp-templates/bill", json!({"event": event}));
        assert_eq!(decided.await, (200, json!({"ok": true, "statuses": [200]})));
        let (status, answer) = send(&rig, bill()).await;
        let code = answer["error"]["code"].as_u64().unwrap_or(status.into());
        assert_eq!(code, refused, "{event}");
    }
    let heard = rig.hook.bodies().len();
    let later = json!({"category": "MARKETING", "quality": "RED", "language": "id"});
    let later = rig.post("/sandbox/whatsapp-templates/bill", later).await;
    assert_eq!(later.1["statuses"], json!([200, 200]));
    insta::assert_snapshot!(fixed(&json!(rig.hook.bodies()[heard..])), @r#"
    [
      {
        "entry": [
          {
            "changes": [
              {
                "field": "template_category_update",
                "value": {
                  "message_template_id": "number",
                  "message_template_language": "id",
                  "message_template_name": "bill",
                  "new_category": "MARKETING",
                  "previous_category": "UTILITY"
                }
              }
            ],
            "id": "2000001",
            "time": "seconds"
          }
        ],
        "object": "whatsapp_business_account"
      },
      {
        "entry": [
          {
            "changes": [
              {
                "field": "message_template_quality_update",
                "value": {
                  "message_template_id": "number",
                  "message_template_language": "id",
                  "message_template_name": "bill",
                  "new_quality_score": "RED",
                  "previous_quality_score": "UNKNOWN"
                }
              }
            ],
            "id": "2000001",
            "time": "seconds"
          }
        ],
        "object": "whatsapp_business_account"
      }
    ]
    "#);
    let unknown = rig.post(
        "/sandbox/whatsapp-templates/none",
        json!({"event": "PAUSED"}),
    );
    assert_eq!(unknown.await.0, 404);
    let strange = rig.post(
        "/sandbox/whatsapp-templates/bill",
        json!({"event": "EATEN"}),
    );
    assert_eq!(strange.await.0, 400);
}

#[tokio::test]
async fn templates_are_listed_in_pages_and_deleted_by_name() {
    let rig = rig().await;
    create(&rig, bill_template()).await;
    let mut english = bill_template();
    english["language"] = json!("en");
    create(&rig, english).await;
    create(&rig, code_template()).await;
    let list = |query: &str| {
        let at = format!("{TEMPLATES}?{query}");
        let rig = &rig;
        async move { graph(rig, Method::GET, &at, json!({})).await.1 }
    };
    let first = list("limit=2&fields=name,status,category,quality_score").await;
    assert_eq!(first["data"].as_array().unwrap().len(), 2);
    assert_eq!(
        first["data"][0]["quality_score"],
        json!({"score": "UNKNOWN"})
    );
    assert_eq!(first["data"][0]["components"], Value::Null);
    let next = first["paging"]["next"].as_str().unwrap();
    assert!(next.starts_with("http://127.0.0.1:8787/sandbox/graph.facebook.com/v23.0/2000001/"));
    let second = list("limit=2&after=2").await;
    assert_eq!(
        (&second["data"][0]["name"], &second["paging"]["next"]),
        (&json!("code"), &Value::Null)
    );
    let marketing = list("category=authentication&status=APPROVED").await;
    assert_eq!(marketing["data"].as_array().unwrap().len(), 1);
    let gone = format!("{TEMPLATES}?name=bill");
    let delete = || graph(&rig, Method::DELETE, &gone, json!({}));
    assert_eq!(delete().await, (200, json!({"success": true})));
    assert_eq!(code(&delete().await), (400, 100));
    assert_eq!(list("").await["data"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_number_tells_of_itself() {
    let rig = rig().await;
    let bad = json!({"quality": "RED", "throughput": 1000, "event": "FLAGGED"});
    let told = rig.post("/sandbox/whatsapp-numbers/1000001", bad).await;
    assert_eq!(told, (200, json!({"ok": true, "statuses": [200]})));
    insta::assert_snapshot!(fixed(&rig.hook.bodies()[0]), @r#"
    {
      "entry": [
        {
          "changes": [
            {
              "field": "phone_number_quality_update",
              "value": {
                "current_limit": "TIER_2K",
                "display_phone_number": "628111000001",
                "event": "FLAGGED"
              }
            }
          ],
          "id": "2000001",
          "time": "seconds"
        }
      ],
      "object": "whatsapp_business_account"
    }
    "#);
    let (_, number) = graph(&rig, Method::GET, "1000001", json!({})).await;
    insta::assert_snapshot!(fixed(&number), @r#"
    {
      "code_verification_status": "VERIFIED",
      "display_phone_number": "+62 811-1000-001",
      "id": "1000001",
      "platform_type": "CLOUD_API",
      "quality_rating": "RED",
      "throughput": {
        "level": "HIGH"
      },
      "verified_name": "demo"
    }
    "#);
    let few = graph(
        &rig,
        Method::GET,
        "1000001?fields=quality_rating",
        json!({}),
    )
    .await;
    assert_eq!(few.1, json!({"id": "1000001", "quality_rating": "RED"}));
}
