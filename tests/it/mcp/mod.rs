//! Tools that are sold, and an agent that pays, by clients of the protocol's own SDK.

mod buying;
mod lies;
mod shop;
mod upstream;
mod wallet;
