from .registry import ClaimResult as ClaimResult
from .registry import ClaimSubject as ClaimSubject
from .registry import applicable_claim_tests as applicable_claim_tests
from .registry import claim_test_steps as claim_test_steps
from .registry import claim_tests as claim_tests
