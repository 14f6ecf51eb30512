"""The routes of the FastAPI app: what people and scripts ask for now and then."""
