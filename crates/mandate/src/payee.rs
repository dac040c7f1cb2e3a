//! Who can be paid: addresses from which nobody ever takes the money out.

use alloy_primitives::Address;

/// Money paid to this address is lost. The wallet would credit it instead of sending it, and nobody
/// can collect the credit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LostPayee {
    /// The address 0 has no key.
    #[error("the payee is the address 0, which has no key: what it is paid is lost")]
    Zero,
    /// The wallet pays itself.
    #[error("the payee {0} is the wallet itself: what it is paid is lost")]
    Wallet(Address),
    /// The token is paid with itself.
    #[error("the payee {0} is the token's own contract: what it is paid is lost")]
    Token(Address),
}

impl LostPayee {
    /// Refuses a payee whose money would be lost.
    ///
    /// # Errors
    /// When `payee` is 0, the wallet or the token.
    pub fn check(payee: Address, wallet: Address, token: Address) -> Result<(), Self> {
        match payee {
            Address::ZERO => Err(Self::Zero),
            payee if payee == wallet => Err(Self::Wallet(payee)),
            payee if payee == token => Err(Self::Token(payee)),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_paid_where_nobody_takes_it_out() {
        let [wallet, token, payee] = [1, 2, 3].map(Address::repeat_byte);
        let check = |payee| LostPayee::check(payee, wallet, token);
        assert_eq!(check(payee), Ok(()));
        assert_eq!(check(Address::ZERO), Err(LostPayee::Zero));
        assert_eq!(check(wallet), Err(LostPayee::Wallet(wallet)));
        assert_eq!(check(token), Err(LostPayee::Token(token)));
    }
}
