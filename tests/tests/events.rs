//! Each function's own binary answers its sample event.

use pesan_tests::{Stack, runtime_api, samples};

#[tokio::test]
async fn every_function_answers_its_sample() {
    let stack = Stack::start();
    for name in samples::functions() {
        let invoked = runtime_api::invoke(&stack, &name).await;
        samples::expect_answer(&name, &invoked.answer);
    }
}
