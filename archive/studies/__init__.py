"""What archives say of a patient's earlier studies, and whether it is that patient's."""
