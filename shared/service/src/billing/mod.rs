//! Bills: their pages and the money for them.

mod bill_page;

pub use bill_page::{BillView, by_token, pay};
