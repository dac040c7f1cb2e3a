//! Rules: what is decided without a judge, from signed things alone. [`order`] has them in their order.

mod concession;
mod duplicate;
pub(crate) mod order;
pub(crate) mod question;
mod signed_price;
mod silence;
#[cfg(test)]
mod world;
