"""oscal.py FILE...: reads OSCAL assessment results with the models of compliance-trestle, which allow nothing else."""

import json
import sys

from pydantic import ValidationError
from trestle.oscal.assessment_results import Model

for path in sys.argv[1:]:
    with open(path, "rb") as read:
        document = json.load(read)
    try:
        Model(**document)
    except ValidationError as error:
        sys.exit(f"{path}: {error}")
print(f"{len(sys.argv) - 1} assessment results")
