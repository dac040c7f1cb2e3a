//! What owners do: wallets, cards, budgets, hosts, decisions. Each change is one write, with its line in
//! the audit log.

mod budgets;
mod cards;
mod decisions;
mod hosts;
mod reports;
mod tokens;
mod wallets;

pub use self::{
    budgets::NewBudget,
    cards::{CardChange, NewCard},
    reports::{BudgetReport, CardReport, LimitReport},
    tokens::OwnerToken,
    wallets::NewWallet,
};
