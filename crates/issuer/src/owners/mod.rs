//! What owners do: wallets, cards, budgets, hosts, decisions. Each change is one write, with its line in
//! the audit log.

mod budgets;
mod cards;
mod decisions;
mod hosts;
mod owners;
mod reports;
mod wallets;

pub use self::{
    budgets::NewBudget,
    cards::{CardChange, NewCard},
    owners::OwnerToken,
    reports::{BudgetReport, CardReport, LimitReport},
    wallets::NewWallet,
};
