"""What the OpenAPI document says of refusals that several of integration's routes know."""

from shared.problems import Answers, problems

# A POST knows Idempotency-Keys.
POSTED: Answers = problems(invalid_request=422, idempotency_key_reused=422)
LIMITED: Answers = problems(too_many_requests=429)
