"""The inputs, parameters and outputs of a pipeline as JSON Schema, from type hints, parameters and the catalog."""

from kedro_asgi.signatures.body_check import BodyCheck as BodyCheck
from kedro_asgi.signatures.body_check import BodyProblem as BodyProblem
from kedro_asgi.signatures.definitions import Definitions as Definitions
from kedro_asgi.signatures.definitions import Json as Json
from kedro_asgi.signatures.model_problems import model_problems as model_problems
from kedro_asgi.signatures.shown_values import shown_value as shown_value
from kedro_asgi.signatures.signature import PipelineSignature as PipelineSignature
from kedro_asgi.signatures.signature import describe_signature as describe_signature
