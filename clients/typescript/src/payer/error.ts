/** Why nothing was paid, or what was paid is not certain. */

/** What went wrong, by name. */
export type PayErrorCode =
  /** The terms are for another place, or another request. Nothing was signed. */
  | "mismatch"
  /** The terms let somebody decide about disputes whom this payer does not accept. Nothing was signed. */
  | "disputes"
  /** The processor refused the mandate before its payee had it; `reason` has its code. Nothing is paid. */
  | "refused_by_processor"
  /** The processor did not promise what the terms say about disputes, so the payee did not get the mandate. */
  | "not_handed_in"
  /** The payee offers nothing that a mandate can pay. */
  | "no_offer"
  /** A header or an object in it cannot be read. */
  | "unreadable"
  /** The payee's terms are not those that were agreed to before. Nothing more was signed. */
  | "terms_changed"
  /** The payee refused the payment; `reason` has its code. */
  | "refused"
  /** The answer came from elsewhere. */
  | "redirected"
  /** A mandate was sent, and no answer came: `again()` sends the same payment once more. */
  | "unanswered";

/** Why nothing was paid, or what was paid is not certain. */
export class PayError extends Error {
  override readonly name: string = "PayError";

  constructor(
    /** What went wrong. */
    readonly code: PayErrorCode,
    message: string,
    /** The payee's own code, or the processor's, where it refused. */
    readonly reason?: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }

  /** @internal */
  static mismatch(field: string, offered: unknown, expected: unknown): PayError {
    return new PayError("mismatch", `the payee asks for ${field} ${offered}, and here it is ${expected}`);
  }
}

/**
 * A mandate can be disputed, and the processor did not promise so: its payee does not get it. It may have been accepted:
 * it counts as spent. The same request, asked for again, hands the same mandate in.
 */
export class NotHandedInError extends PayError {
  override readonly name = "NotHandedInError";

  constructor(
    /** The mandate's id. */
    readonly mandateId: string,
    cause: unknown,
  ) {
    const why = cause instanceof Error ? cause.message : String(cause);
    const what = `the payment ${mandateId} was not sent to its payee`;
    const message = `${what}, for the processor must know first that it can be disputed: ${why}`;
    super("not_handed_in", message, undefined, { cause });
  }
}

/**
 * A mandate was sent, and no final answer came. It may have been accepted: it counts as spent. The same request, asked
 * for again, sends the same payment.
 */
export class UnansweredError extends PayError {
  override readonly name = "UnansweredError";

  constructor(
    /** The mandate's id. */
    readonly mandateId: string,
    /** Asks again, which sends the same payment. */
    readonly again: () => Promise<Response>,
    cause: unknown,
  ) {
    const why = cause instanceof Error ? cause.message : String(cause);
    super("unanswered", `the payment ${mandateId} was sent and not answered: ${why}`, undefined, { cause });
  }
}
