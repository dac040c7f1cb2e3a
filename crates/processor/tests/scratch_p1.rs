#[path = "it/support/mod.rs"]
mod support;
#[path = "it/accept.rs"]
mod accept;
#[path = "it/capture.rs"]
mod capture;
#[path = "it/view.rs"]
mod view;
