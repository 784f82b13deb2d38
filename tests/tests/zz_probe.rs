//! Probe.
use pesan_tests::*;
use serde_json::json;
#[tokio::test]
async fn probe() {
    let stack = Stack::start();
    let booked = stack.customer(1).book("09.00").await;
    stack
        .bank(&booked.code, json!({"do": "choose", "method": "bca_va"}))
        .await;
    for fault in ["timeout_before", "404"] {
        stack
            .fault(json!({"at": "midtrans", "op": "status", "fault": fault}))
            .await;
    }
    eprintln!("{}", stack.bank(&booked.code, json!({"do":"pay"})).await);
    for _ in 0..6 {
        stack.advance("10m").await;
        eprintln!(
            "{:?} {:?}",
            stack.page(&booked.link).await,
            stack
                .calls("midtrans")
                .await
                .iter()
                .map(|c| (c["op"].clone(), c["status"].clone()))
                .collect::<Vec<_>>()
        );
    }
    eprintln!("{}", stack.log());
    eprintln!("{:?}", stack.calls("ssm").await);
}
