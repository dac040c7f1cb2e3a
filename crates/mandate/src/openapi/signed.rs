//! Messages with their signatures.

use std::borrow::Cow;

use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, Ref, RefOr, Schema},
};

use super::names::EcdsaSignatureAnyCase;
use crate::typed_data::{
    EcdsaSignature, Signed, TypedData,
    capture::{Capture, CaptureReceipt},
    direct::DirectMandate,
    outcome::Outcome,
    receipt::Receipt,
    refund::Refund,
};

/// A message that is described together with its signature.
pub trait SignedSchema: TypedData + ToSchema {
    /// How the signature looks: as it is written, or as it may be read.
    type Signature: ToSchema;
}

impl SignedSchema for Receipt {
    type Signature = EcdsaSignature;
}

impl SignedSchema for CaptureReceipt {
    type Signature = EcdsaSignature;
}

impl SignedSchema for Capture {
    type Signature = EcdsaSignatureAnyCase;
}

impl SignedSchema for Refund {
    type Signature = EcdsaSignatureAnyCase;
}

impl SignedSchema for Outcome {
    type Signature = EcdsaSignature;
}

impl SignedSchema for DirectMandate {
    type Signature = EcdsaSignatureAnyCase;
}

impl<T: SignedSchema> PartialSchema for Signed<T> {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .property(T::NAME, Ref::from_schema_name(T::name()))
            .property(T::SIGNATURE, Ref::from_schema_name(T::Signature::name()))
            .required(T::NAME)
            .required(T::SIGNATURE)
            .description(Some("Signed as EIP-712 typed data in the wallet's domain."))
            .into()
    }
}

impl<T: SignedSchema> ToSchema for Signed<T> {
    fn name() -> Cow<'static, str> {
        format!("Signed{}", T::name()).into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((T::name().into(), T::schema()));
        schemas.push((T::Signature::name().into(), T::Signature::schema()));
        T::schemas(schemas);
        T::Signature::schemas(schemas);
    }
}
