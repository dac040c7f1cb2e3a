//! The ledger: its rules one by one, against a model, and against what disks and processes do.

mod accept;
mod answers;
mod audit;
mod batches;
mod capture;
mod chain;
#[path = "../../../journal/tests/it/child.rs"]
mod child;
mod damage;
mod direct;
mod full_disk;
mod kill;
mod model;
mod opening;
mod reading;
mod support;
