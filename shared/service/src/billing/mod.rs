//! Bills: their pages and the money for them.

mod page;

pub use page::{BillView, by_token, pay};
