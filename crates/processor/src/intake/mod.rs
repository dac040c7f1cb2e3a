//! Requests before they are served: where they wait, who takes them, and where their answers go.

mod desk;
mod pool;
mod task;

pub(crate) use self::{
    desk::Desk,
    pool::Pool,
    task::{Reply, Task, TurnedAway, Unanswered},
};
