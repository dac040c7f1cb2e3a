//! Money comes in by approval, by EIP-3009 and by EIP-2612; and only where its owner means it to.

use aep2_chain::{
    events::WalletEvent,
    token::{self, DepositAuthorization, DepositTarget, Permit},
    wallet::{
        error::{TokenError, WalletError},
        signing::{DepositIntent, OpenAccount},
        terms::Opening,
        units::BaseUnits,
    },
};
use aep2_mandate::units::{AccountId, UnixTime};
use aep2_tests::{
    chain::TestChain,
    on_both_chains,
    stage::{FUNDS, Stage, VALID_UNTIL, mandate_key},
};
use alloy::primitives::{B256, U256};

on_both_chains![
    an_approved_deposit_arrives,
    an_authorized_deposit_arrives_in_the_account_it_is_for,
    an_account_is_opened_and_funded_without_gas,
    a_permitted_deposit_arrives_in_the_account_it_is_for,
    the_token_s_domain_is_its_own,
];

fn until() -> UnixTime {
    UnixTime::new(VALID_UNTIL).unwrap()
}

async fn an_approved_deposit_arrives(chain: TestChain) {
    let stage = Stage::set(chain).await;
    let (id, token, stranger) = (stage.id(), stage.token_address(), &stage.stranger);
    stage.mint(stranger.address(), 100).await;
    let amount = BaseUnits::new(60);
    let depositing = id.deposit(stage.ann.account, token, amount);
    let allowance = WalletError::Token(TokenError::InsufficientAllowance {
        spender: id.address,
        allowance: U256::ZERO,
        needed: U256::from(60),
    });
    assert_eq!(stage.refused(stranger, &depositing).await, allowance);

    stage.send(stranger, &token::approve(token, id.address, BaseUnits::new(1_000))).await;
    // Anybody may fund an account.
    let receipt = stage.send(stranger, &depositing).await;
    let deposited = WalletEvent::Deposited {
        account: stage.ann.account,
        token,
        from: stranger.address(),
        amount,
    };
    assert_eq!(stage.events(&receipt), [deposited]);
    assert_eq!(stage.balance(&stage.ann).await, FUNDS + 60);
    let balance = WalletError::Token(TokenError::InsufficientBalance {
        sender: stranger.address(),
        balance: U256::from(40),
        needed: U256::from(60),
    });
    assert_eq!(stage.refused(stranger, &depositing).await, balance);
}

async fn an_authorized_deposit_arrives_in_the_account_it_is_for(chain: TestChain) {
    let stage = Stage::set(chain).await;
    let (id, token, ann) = (stage.id(), stage.token_address(), &stage.ann);
    stage.mint(ann.address(), 500).await;
    let domain = stage.token().eip712_domain().await.unwrap();
    let authorization = DepositAuthorization {
        from: ann.address(),
        amount: BaseUnits::new(500),
        valid_after: UnixTime::MIN,
        valid_before: until(),
        salt: B256::repeat_byte(5),
    };
    let target = DepositTarget::Account(ann.account);
    let signed = authorization.sign(&ann.key, &domain, id.address, &target).unwrap();

    // Whoever saw it cannot put the money elsewhere, nor take more.
    let not_signed = WalletError::Token(TokenError::Signature(ann.address()));
    let stolen = id.deposit_with_authorization(stage.bob.account, token, &signed);
    assert_eq!(stage.refused(&stage.bob.key, &stolen).await, not_signed);
    let mut more = signed.clone();
    more.authorization.amount = BaseUnits::new(501);
    let more = id.deposit_with_authorization(ann.account, token, &more);
    assert_eq!(stage.refused(&stage.bob.key, &more).await, not_signed);

    // But anybody may bring it.
    let bringing = id.deposit_with_authorization(ann.account, token, &signed);
    let receipt = stage.send(&stage.stranger, &bringing).await;
    let deposited = WalletEvent::Deposited {
        account: ann.account,
        token,
        from: ann.address(),
        amount: BaseUnits::new(500),
    };
    assert_eq!(stage.events(&receipt), [deposited]);
    assert_eq!(stage.balance(ann).await, FUNDS + 500);
    let nonce = target.nonce(authorization.salt);
    assert!(stage.token().is_authorization_used(ann.address(), nonce).await.unwrap());

    let used = TokenError::AuthorizationUsed { authorizer: ann.address(), nonce };
    assert_eq!(stage.refused(&stage.stranger, &bringing).await, WalletError::Token(used));
    let late = DepositAuthorization { valid_before: UnixTime::new(1).unwrap(), ..authorization };
    let late = late.sign(&ann.key, &domain, id.address, &target).unwrap();
    let bringing = id.deposit_with_authorization(ann.account, token, &late);
    let expired = TokenError::AuthorizationExpired { valid_before: U256::from(1) };
    assert_eq!(stage.refused(&stage.stranger, &bringing).await, WalletError::Token(expired));
}

async fn an_account_is_opened_and_funded_without_gas(chain: TestChain) {
    let stage = Stage::set(chain).await;
    let (id, token, owner) = (stage.id(), stage.token_address(), &stage.stranger);
    stage.mint(owner.address(), 70).await;
    let terms = stage.terms(&mandate_key(50));
    let opening = Opening { owner: owner.address(), terms };
    let message = OpenAccount { opening, nonce: U256::ZERO, deadline: until() };
    let signed = message.sign(owner, &id.eip712_domain()).unwrap();
    let authorization = DepositAuthorization {
        from: owner.address(),
        amount: BaseUnits::new(70),
        valid_after: UnixTime::MIN,
        valid_before: until(),
        salt: B256::ZERO,
    };
    let domain = stage.token().eip712_domain().await.unwrap();

    // Authorized for another opening: that key would spend it.
    let other = Opening { terms: stage.terms(&mandate_key(51)), ..opening };
    let target = DepositTarget::Opening(other);
    let elsewhere = authorization.sign(owner, &domain, id.address, &target).unwrap();
    let bringing = id.open_account_and_deposit(&signed, token, &elsewhere);
    let not_signed = WalletError::Token(TokenError::Signature(owner.address()));
    assert_eq!(stage.refused(&stage.bob.key, &bringing).await, not_signed);

    let target = DepositTarget::Opening(opening);
    let authorized = authorization.sign(owner, &domain, id.address, &target).unwrap();
    let bringing = id.open_account_and_deposit(&signed, token, &authorized);
    let receipt = stage.send(&stage.bob.key, &bringing).await;
    let account = id.opened_account(&receipt).unwrap();
    assert_eq!(account, AccountId::new(3).unwrap());
    let purse = stage.wallet().purse(account, token).await.unwrap();
    assert_eq!(purse.balance, BaseUnits::new(70));
    assert_eq!(stage.wallet().account(account).await.unwrap().owner, owner.address());
}

async fn a_permitted_deposit_arrives_in_the_account_it_is_for(chain: TestChain) {
    let stage = Stage::set(chain).await;
    let (id, token, ann) = (stage.id(), stage.token_address(), &stage.ann);
    stage.mint(ann.address(), 300).await;
    let domain = stage.token().eip712_domain().await.unwrap();
    let permit = async |amount| {
        let nonce = stage.token().permit_nonce(ann.address()).await.unwrap();
        let amount = BaseUnits::new(amount);
        let permit =
            Permit { owner: ann.address(), spender: id.address, amount, nonce, deadline: until() };
        permit.sign(&ann.key, &domain).unwrap()
    };

    // Brought by the owner, a permit is enough.
    let own = permit(100).await;
    let bringing = id.deposit_with_permit(ann.account, token, &own, None);
    stage.send(&ann.key, &bringing).await;
    assert_eq!(stage.balance(ann).await, FUNDS + 100);

    // By anybody else, only with the owner's word on the account.
    let permitted = permit(200).await;
    let alone = id.deposit_with_permit(stage.bob.account, token, &permitted, None);
    let not_signed = WalletError::BadSignature { expected: ann.address() };
    assert_eq!(stage.refused(&stage.bob.key, &alone).await, not_signed);
    let intent = DepositIntent {
        owner: ann.address(),
        account: ann.account,
        token,
        amount: BaseUnits::new(200),
        nonce: stage.wallet().signing_nonce(ann.address()).await.unwrap(),
        deadline: until(),
    };
    let word = intent.sign(&ann.key, &id.eip712_domain()).unwrap();
    let bent = id.deposit_with_permit(stage.bob.account, token, &permitted, Some(word.clone()));
    assert_eq!(stage.refused(&stage.bob.key, &bent).await, not_signed);

    let bringing = id.deposit_with_permit(ann.account, token, &permitted, Some(word));
    stage.send(&stage.bob.key, &bringing).await;
    assert_eq!(stage.balance(ann).await, FUNDS + 300);
    assert_eq!(stage.refused(&stage.bob.key, &bringing).await, not_signed, "it counts once");
}

async fn the_token_s_domain_is_its_own(chain: TestChain) {
    let stage = Stage::set(chain).await;
    let domain = stage.token().eip712_domain().await.unwrap();
    assert_eq!(domain.name.as_deref(), Some("Test USD"));
    assert_eq!(domain.version.as_deref(), Some("2"));
    assert_eq!(domain.verifying_contract, Some(stage.token_address()));
    assert_eq!(domain.chain_id, Some(U256::from(31_337)));
    assert_eq!(stage.token().decimals().await.unwrap(), 6);
    assert_eq!(stage.token().symbol().await.unwrap(), "TUSD");

    // A contract that is no such token.
    let verifier = stage.deployment.verifiers[0].address;
    let no_token = token::Token::new(stage.chain.reader(), verifier);
    let unclear = no_token.eip712_domain().await.unwrap_err();
    assert!(
        matches!(unclear, aep2_chain::error::ChainError::TokenDomain { token, .. } if token == verifier),
        "{unclear:?}"
    );
}
