//! The issuer's column families, and the keys in them. Numbers in keys are big-endian.

use aep2_journal::ColumnFamily;

macro_rules! families {
    ($($(#[doc = $about:literal])+ $family:ident = $name:literal),+ $(,)?) => {
        /// A column family.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub(crate) enum Family { $($(#[doc = $about])+ $family),+ }

        impl Family {
            /// All of them.
            pub(crate) const ALL: [Self; [$($name),+].len()] = [$(Self::$family),+];
        }

        impl ColumnFamily for Family {
            fn name(self) -> &'static str {
                match self { $(Self::$family => $name),+ }
            }

            fn is_passed_through(self) -> bool {
                matches!(self, Self::Outstanding | Self::Requests | Self::Waiting)
            }
        }
    };
}

families! {
    /// Owners, by their ids.
    Owners = "owners",
    /// Owners' ids, by the SHA-256 of their tokens.
    Tokens = "tokens",
    /// Wallets, by owner and id.
    Wallets = "wallets",
    /// The next nonce of each wallet, the number of each owner's last payment.
    Sequences = "sequences",
    /// Cards, by owner and id.
    Cards = "cards",
    /// Cards' owners, by the cards' ids.
    CardOwners = "card_owners",
    /// Shared budgets, by owner and id.
    Budgets = "budgets",
    /// What was spent, by counter and beginning of the period.
    Counters = "counters",
    /// Payments, by mandate id.
    Payments = "payments",
    /// Mandate ids by owner and number of payment.
    History = "history",
    /// Mandate ids by deadline, of payments whose outcome is not known.
    Outstanding = "outstanding",
    /// What was issued for a request, by card and request key.
    Requests = "requests",
    /// Approvals, by owner and id.
    Approvals = "approvals",
    /// Approvals that wait, by card and id.
    Waiting = "waiting",
    /// The payees of hosts, by owner and host.
    Hosts = "hosts",
    /// Revoked blocks of cards, by card and revocation id.
    Revoked = "revoked",
    /// The audit log's lines.
    Audit = "audit",
    /// The audit log's head.
    AuditHead = "audit_head",
    /// The keys of the issuer itself.
    Keys = "keys",
}
