//! The pages a customer sees.

use pesan_tests::Stack;

#[tokio::test]
async fn b23_a_forged_query_does_not_make_the_page_say_paid() {
    let stack = Stack::start();
    let booked = stack.customer(1).book("09.00").await;
    let forged = format!(
        "{}?order_id={}&status_code=200&transaction_status=settlement",
        booked.link, booked.code
    );
    let page = stack.page(&forged).await;
    assert_eq!(
        (page.payment.as_str(), page.repair.as_str()),
        ("Created", "Held")
    );
    assert_eq!((page.order_id, page.total), (booked.code, 70_000));
}
