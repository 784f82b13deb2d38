//! The pages a customer sees: templates and assets. The handler that serves them is still to come.

pub mod pages;
