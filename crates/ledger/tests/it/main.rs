//! The ledger: its rules one by one, against a model, and against what disks and processes do.

mod accept;
mod answers;
mod audit;
mod batches;
mod capture;
mod chain;
mod damage;
mod direct;
mod dispute;
mod full_disk;
mod gate;
mod hold;
mod kill;
mod model;
mod opening;
mod own;
mod reading;
mod refund;
mod support;
