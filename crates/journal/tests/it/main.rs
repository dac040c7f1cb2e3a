//! Journals: order, sync and answers; what disks and processes do to them.

mod backing_up;
mod compacting;
mod grouping;
mod kill;
mod migrating;
mod opening;
mod support;
