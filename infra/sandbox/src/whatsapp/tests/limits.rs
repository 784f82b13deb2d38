use axum::http::Method;
use serde_json::json;

use super::*;
use crate::whatsapp::limits::Number;

#[test]
fn a_pair_borrows_forty_five_and_pays_them_off() {
    let mut number = Number::default();
    for _ in 0..45 {
        number.admit(PHONE, 0).unwrap();
    }
    assert!(number.admit(PHONE, 5_000).is_err());
    number.admit("6281200000002", 5_000).unwrap();
    assert!(
        number.admit(PHONE, 45 * 6_000 - 1).is_err(),
        "the loan is paid off as a whole"
    );
    number.admit(PHONE, 45 * 6_000).unwrap();
}

#[test]
fn one_message_in_six_seconds_never_meets_the_limit() {
    let mut number = Number::default();
    for count in 0..1000 {
        number.admit(PHONE, count * 6_000).unwrap();
    }
}

#[test]
fn a_second_has_its_throughput_in_and_out() {
    let mut number = Number::default();
    for count in 0..79 {
        number.admit(&format!("62812000000{count:02}"), 0).unwrap();
    }
    number.heard(PHONE, 500);
    assert!(number.admit("6281300000001", 999).is_err());
    number.admit("6281300000001", 1000).unwrap();
}

#[tokio::test]
async fn the_limits_refuse_in_metas_words() {
    let rig = rig().await;
    create(&rig, bill_template()).await;
    for _ in 0..45 {
        assert_eq!(send(&rig, bill()).await.0, 200);
    }
    let pair = send(&rig, bill()).await;
    assert_eq!(code(&pair), (400, 131_056));
    insta::assert_snapshot!(fixed(&pair.1), @r#"
    {
      "error": {
        "code": 131056,
        "error_data": {
          "details": "Message failed to send because there were too many messages sent from this phone number to the same phone number in a short period of time.",
          "messaging_product": "whatsapp"
        },
        "fbtrace_id": "trace",
        "message": "(#131056) (Business Account, Consumer Account) pair rate limit hit",
        "type": "OAuthException"
      }
    }
    "#);
    let slow = rig.post(
        "/sandbox/whatsapp-numbers/1000001",
        json!({"throughput": 0}),
    );
    slow.await;
    let fast = to("6281200000009", bill());
    let fast = graph(&rig, Method::POST, MESSAGES, fast).await;
    assert_eq!(code(&fast), (400, 130_429));
    insta::assert_snapshot!(fixed(&fast.1), @r#"
    {
      "error": {
        "code": 130429,
        "error_data": {
          "details": "Cloud API message throughput has been reached.",
          "messaging_product": "whatsapp"
        },
        "fbtrace_id": "trace",
        "message": "(#130429) Rate limit hit",
        "type": "OAuthException"
      }
    }
    "#);
}
