//! Bills of the demo's subscribers, and the pages on which they are paid.

use serde_json::Value;

use crate::operator::Operator;
use crate::{Setup, Stack};

/// Half a minute before the bills of November are made.
const BEFORE_MONTH_END: &str = "2026-11-30T08:59:30+07:00";

/// A stack on whose demo merchant's subscribers have their bills of November, and one of them.
pub struct Debtor {
    /// The stack.
    pub stack: Stack,
    /// Its operator.
    pub operator: Operator,
    /// The bill's number.
    pub bill: String,
    /// The bill's page, as the subscriber got it.
    pub link: String,
    /// The subscriber's number.
    pub phone: String,
}

/// What stands on a bill's page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BillPage {
    /// The order id.
    pub order_id: String,
    /// Rupiah.
    pub total: u64,
    /// The payment's state.
    pub payment: String,
    /// All of it.
    pub html: String,
}

impl BillPage {
    /// Order id, total and state.
    pub fn says(&self) -> (&str, u64, &str) {
        (&self.order_id, self.total, &self.payment)
    }
}

impl Debtor {
    /// The first of the subscribers, with the bill in their inbox.
    pub async fn billed() -> Self {
        let stack = Stack::start_with(&Setup {
            clock: Some(BEFORE_MONTH_END.to_owned()),
            ..Setup::default()
        });
        stack.advance("1m").await;
        let phone = "62812000001001".to_owned();
        let inbox = stack.inbox(&phone).await;
        assert_eq!(inbox.len(), 1, "{inbox:?}");
        let operator = Operator::of(&stack);
        let mut debtor = Self {
            bill: "B-202611-plg-001".to_owned(),
            link: String::new(),
            stack,
            operator,
            phone,
        };
        debtor.link = debtor.link_of(&debtor.bill);
        debtor
    }

    /// Where a bill's page is.
    pub fn link_of(&self, bill: &str) -> String {
        let line = format!("pesan bills show demo {bill} --json");
        let link = self.operator.does(&line).json()["page"].clone();
        let link = link.as_str().unwrap().to_owned();
        self.stack.keep_private(link.rsplit('/').next().unwrap());
        link
    }

    /// The path of its page.
    pub fn path(&self) -> &str {
        self.link.strip_prefix(self.stack.base_url()).unwrap()
    }

    /// The bill as the operator sees it.
    pub fn shown(&self) -> Value {
        let line = format!("pesan bills show demo {} --json", self.bill);
        self.operator.does(&line).json()
    }

    /// The symbols of its cell, the bill's first and then the reminders in order.
    pub fn symbols(&self) -> String {
        let shown = self.shown();
        ["bill", "d-3", "d0", "d+3", "d+7"]
            .map(|track| shown["symbols"][track].as_str().unwrap_or("?").to_owned())
            .concat()
    }

    /// The operator records cash.
    pub fn cash(&self, amount: u64) {
        let bill = &self.bill;
        self.operator.does(&format!(
            "pesan bills pay demo {bill} --amount {amount} --source cash --by sari"
        ));
    }

    /// Its page.
    pub async fn page(&self) -> BillPage {
        self.page_at(self.path()).await
    }

    /// Its page at a path.
    pub async fn page_at(&self, path: &str) -> BillPage {
        let (status, html) = self.stack.get(path).await;
        assert_eq!(status, 200, "{html}");
        assert!(!html.contains("data-repair"));
        let attribute = |name: &str| {
            let start = html.split_once(&format!("{name}=\"")).unwrap().1;
            start.split('"').next().unwrap().to_owned()
        };
        BillPage {
            order_id: attribute("data-order-id"),
            total: attribute("data-total").parse().unwrap(),
            payment: attribute("data-payment"),
            html,
        }
    }

    /// Presses its button: where it leads.
    pub async fn click(&self) -> String {
        let (status, location) = self.stack.click_pay(&self.link).await;
        assert_eq!(status, 303);
        location.unwrap()
    }

    /// What the subscriber got after the bill.
    pub async fn told(&self) -> Vec<String> {
        self.stack.inbox(&self.phone).await.split_off(1)
    }
}
