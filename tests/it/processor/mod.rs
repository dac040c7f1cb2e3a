//! The processor on an embedded chain.

mod accept;
mod capacity;
mod capture;
mod compliance;
mod demands;
mod disputes;
mod full_disk;
mod holds;
mod hostile;
mod kill;
mod outage;
mod panics;
mod recovery;
mod refund;
mod restoring;
mod settle;
mod settle_followed;
mod settle_refused;
mod settle_segments;
mod strangers;
mod view;
